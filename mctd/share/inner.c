/*
 * The messages between the daemon's own processes, each encoder beside its
 * decoder.
 */

#include "../../common/record.h"
#include "inner.h"

void
inner_put_start(struct frame_out *out, const struct inner_start *m)
{
	frame_put_u8(out, m->kind);
	frame_put_u8(out, m->active);
	frame_put_u8(out, m->level);
	frame_put_u8(out, m->privileged);
	frame_put_u8(out, m->upgrade);
	frame_put_u32(out, m->uid);
	frame_put_u32(out, m->gid);
	frame_put_u32(out, m->bridges);
	frame_put_u32(out, m->sessions);
	frame_put_u32(out, m->clients);
	frame_put_u32(out, m->events);
	frame_put_u32(out, m->engines);
	frame_put_u32(out, m->engine);
	frame_put_u32(out, m->pipes);
	frame_put_u32(out, m->groups);
	frame_put_u32(out, m->flows);
	frame_put_u32(out, m->spin_us);
	frame_put_u32(out, m->fds);
	frame_put_text(out, m->chroot);
}

void
inner_get_start(struct frame_in *in, struct inner_start *m)
{
	m->kind = frame_get_u8(in);
	m->active = frame_get_u8(in);
	m->level = frame_get_u8(in);
	m->privileged = frame_get_u8(in);
	m->upgrade = frame_get_u8(in);
	m->uid = frame_get_u32(in);
	m->gid = frame_get_u32(in);
	m->bridges = frame_get_u32(in);
	m->sessions = frame_get_u32(in);
	m->clients = frame_get_u32(in);
	m->events = frame_get_u32(in);
	m->engines = frame_get_u32(in);
	m->engine = frame_get_u32(in);
	m->pipes = frame_get_u32(in);
	m->groups = frame_get_u32(in);
	m->flows = frame_get_u32(in);
	m->spin_us = frame_get_u32(in);
	m->fds = frame_get_u32(in);
	frame_get_text(in, m->chroot, sizeof m->chroot);
}

void
inner_put_log(struct frame_out *out, const struct inner_log *m)
{
	frame_put_u8(out, m->level);
	frame_put_text(out, m->text);
}

void
inner_get_log(struct frame_in *in, struct inner_log *m)
{
	m->level = frame_get_u8(in);
	frame_get_text(in, m->text, sizeof m->text);
}

void
inner_put_session(struct frame_out *out, const struct inner_session *m)
{
	frame_put_u32(out, m->slot);
	frame_put_u32(out, m->id);
	frame_put_u64(out, m->serial);
	frame_put_u32(out, m->idle_ms);
	frame_put_u32(out, m->half_closed_ms);
	frame_put_u32(out, m->lifetime_ms);
	frame_put_u32(out, m->rate);
	frame_put_u8(out, m->peer_kind);
	frame_put_u8(out, m->dst_kind);
	frame_put_u8(out, m->recovered);
	frame_put_u32(out, m->age_ms);
}

void
inner_get_session(struct frame_in *in, struct inner_session *m)
{
	m->slot = frame_get_u32(in);
	m->id = frame_get_u32(in);
	m->serial = frame_get_u64(in);
	m->idle_ms = frame_get_u32(in);
	m->half_closed_ms = frame_get_u32(in);
	m->lifetime_ms = frame_get_u32(in);
	m->rate = frame_get_u32(in);
	m->peer_kind = frame_get_u8(in);
	m->dst_kind = frame_get_u8(in);
	m->recovered = frame_get_u8(in);
	m->age_ms = frame_get_u32(in);
}

void
inner_put_pipes(struct frame_out *out, const struct inner_pipes *m)
{
	frame_put_u16(out, m->first);
	frame_put_u16(out, m->count);
	frame_put_u32(out, m->bytes);
}

void
inner_get_pipes(struct frame_in *in, struct inner_pipes *m)
{
	m->first = frame_get_u16(in);
	m->count = frame_get_u16(in);
	m->bytes = frame_get_u32(in);
}

void
inner_put_src(struct frame_out *out, const struct inner_src *m)
{
	frame_put_u32(out, m->src);
	frame_put_u8(out, m->kind);
	frame_put_u8(out, m->flows);
}

void
inner_get_src(struct frame_in *in, struct inner_src *m)
{
	m->src = frame_get_u32(in);
	m->kind = frame_get_u8(in);
	m->flows = frame_get_u8(in);
}

void
inner_put_tune(struct frame_out *out, const struct inner_tune *m)
{
	frame_put_u32(out, m->slot);
	frame_put_u64(out, m->serial);
	frame_put_u32(out, m->min);
	frame_put_u32(out, m->max);
	frame_put_u32(out, m->rate);
	frame_put_u32(out, m->datagram_rate);
	frame_put_u8(out, m->hops);
	frame_put_u8(out, m->ttl);
	frame_put_u32(out, m->idle_ms);
	frame_put_u32(out, m->flows);
}

void
inner_get_tune(struct frame_in *in, struct inner_tune *m)
{
	m->slot = frame_get_u32(in);
	m->serial = frame_get_u64(in);
	m->min = frame_get_u32(in);
	m->max = frame_get_u32(in);
	m->rate = frame_get_u32(in);
	m->datagram_rate = frame_get_u32(in);
	m->hops = frame_get_u8(in);
	m->ttl = frame_get_u8(in);
	m->idle_ms = frame_get_u32(in);
	m->flows = frame_get_u32(in);
}

void
inner_put_dst(struct frame_out *out, const struct inner_dst *m)
{
	frame_put_u32(out, m->slot);
	frame_put_u32(out, m->id);
	frame_put_u64(out, m->serial);
	frame_put_u32(out, m->src);
	frame_put_u8(out, m->kind);
	frame_put_u8(out, m->mute);
	inner_put_tune(out, &m->tune);
}

void
inner_get_dst(struct frame_in *in, struct inner_dst *m)
{
	m->slot = frame_get_u32(in);
	m->id = frame_get_u32(in);
	m->serial = frame_get_u64(in);
	m->src = frame_get_u32(in);
	m->kind = frame_get_u8(in);
	m->mute = frame_get_u8(in);
	inner_get_tune(in, &m->tune);
}

void
inner_put_out(struct frame_out *out, const struct inner_out *m)
{
	frame_put_u32(out, m->slot);
	frame_put_u64(out, m->serial);
	frame_put_u16(out, m->out);
	frame_put_u8(out, m->kind);
	frame_put_u8(out, m->mute);
}

void
inner_get_out(struct frame_in *in, struct inner_out *m)
{
	m->slot = frame_get_u32(in);
	m->serial = frame_get_u64(in);
	m->out = frame_get_u16(in);
	m->kind = frame_get_u8(in);
	m->mute = frame_get_u8(in);
}

void
inner_put_attach(struct frame_out *out, const struct inner_attach *m)
{
	frame_put_u32(out, m->slot);
	frame_put_u64(out, m->serial);
	frame_put_u32(out, m->src);
}

void
inner_get_attach(struct frame_in *in, struct inner_attach *m)
{
	m->slot = frame_get_u32(in);
	m->serial = frame_get_u64(in);
	m->src = frame_get_u32(in);
}

void
inner_put_asker(struct frame_out *out, const struct inner_asker *m)
{
	frame_put_u32(out, m->slot);
	frame_put_u64(out, m->serial);
	frame_put_u32(out, m->src);
	record_put_plain_addr(out, &m->local);
}

void
inner_get_asker(struct frame_in *in, struct inner_asker *m)
{
	m->slot = frame_get_u32(in);
	m->serial = frame_get_u64(in);
	m->src = frame_get_u32(in);
	record_get_plain_addr(in, &m->local);
}

void
inner_put_flow(struct frame_out *out, const struct inner_flow *m)
{
	frame_put_u32(out, m->flow);
	frame_put_u64(out, m->flow_serial);
	frame_put_u32(out, m->slot);
	frame_put_u64(out, m->serial);
	frame_put_u8(out, m->kind);
	frame_put_u8(out, m->dst_kind);
	frame_put_u8(out, m->replies);
	frame_put_u8(out, m->recovered);
	record_put_plain_addr(out, &m->asker);
}

void
inner_get_flow(struct frame_in *in, struct inner_flow *m)
{
	m->flow = frame_get_u32(in);
	m->flow_serial = frame_get_u64(in);
	m->slot = frame_get_u32(in);
	m->serial = frame_get_u64(in);
	m->kind = frame_get_u8(in);
	m->dst_kind = frame_get_u8(in);
	m->replies = frame_get_u8(in);
	m->recovered = frame_get_u8(in);
	record_get_plain_addr(in, &m->asker);
}

void
inner_put_which(struct frame_out *out, const struct inner_which *m)
{
	frame_put_u32(out, m->slot);
	frame_put_u64(out, m->serial);
}

void
inner_get_which(struct frame_in *in, struct inner_which *m)
{
	m->slot = frame_get_u32(in);
	m->serial = frame_get_u64(in);
}

void
inner_put_end(struct frame_out *out, const struct inner_end *m)
{
	frame_put_u32(out, m->slot);
	frame_put_u64(out, m->serial);
	frame_put_u8(out, m->reason);
	frame_put_u32(out, m->err);
}

void
inner_get_end(struct frame_in *in, struct inner_end *m)
{
	m->slot = frame_get_u32(in);
	m->serial = frame_get_u64(in);
	m->reason = frame_get_u8(in);
	m->err = frame_get_u32(in);
}

void
inner_put_client(struct frame_out *out, const struct inner_client *m)
{
	frame_put_u16(out, m->slot);
	frame_put_u32(out, m->generation);
	frame_put_u32(out, m->request);
}

void
inner_get_client(struct frame_in *in, struct inner_client *m)
{
	m->slot = frame_get_u16(in);
	m->generation = frame_get_u32(in);
	m->request = frame_get_u32(in);
}

void
inner_put_new_client(struct frame_out *out, const struct inner_new_client *m)
{
	inner_put_client(out, &m->client);
	frame_put_u8(out, m->role);
	frame_put_u8(out, m->adopted);
	frame_put_u32(out, m->err);
	frame_put_text(out, m->text);
}

void
inner_get_new_client(struct frame_in *in, struct inner_new_client *m)
{
	inner_get_client(in, &m->client);
	m->role = frame_get_u8(in);
	m->adopted = frame_get_u8(in);
	m->err = frame_get_u32(in);
	frame_get_text(in, m->text, sizeof m->text);
}
