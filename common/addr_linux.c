/*
 * The families that only Linux has.
 *
 *	vsock:CID:PORT          CID is a number, or * for any, PORT of 32 bits
 *	seqtipc:TYPE:INSTANCE   a service address; TYPE from 64 on
 *
 * A TIPC src is bound as a service of its own, and a dst connected to by that
 * name, wherever in the cluster it is.
 */

#include <errno.h>
#include <limits.h>
#include <linux/tipc.h>
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <string.h>

#include "addr_kinds.h"

_Static_assert(sizeof(struct sockaddr_vm) <= sizeof(((struct addr *)0)->u),
    "no room for vsock");
_Static_assert(sizeof(struct sockaddr_tipc) <= sizeof(((struct addr *)0)->u),
    "no room for TIPC");

/*
 * Splits "N:N" into two numbers of 32 bits; *any is set, and first is not,
 * when the first is "*" and any is not NULL.
 */
static int
parse_two(const char *text, uint32_t *first, int *any, uint32_t *second)
{
	char word[11]; /* the longest number, with its NUL */
	const char *colon = strchr(text, ':');
	size_t len;

	if (colon == NULL || (len = (size_t)(colon - text)) >= sizeof(word))
		return -1;
	memcpy(word, text, len);
	word[len] = '\0';
	if (any != NULL && (*any = strcmp(word, "*") == 0))
		return addr_decimal(colon + 1, 0, UINT32_MAX, second);
	if (addr_decimal(word, 0, UINT32_MAX, first) == -1)
		return -1;
	return addr_decimal(colon + 1, 0, UINT32_MAX, second);
}

/* ---- vsock ---- */

static struct sockaddr_vm
vsock_of(const struct addr *a)
{
	struct sockaddr_vm vm;

	memcpy(&vm, &a->u, sizeof(vm));
	return vm;
}

static void
vsock_set(struct addr *a, uint32_t cid, uint32_t port)
{
	struct sockaddr_vm vm;

	memset(&vm, 0, sizeof(vm));
	vm.svm_family = AF_VSOCK;
	vm.svm_cid = cid;
	vm.svm_port = port;
	memcpy(&a->u, &vm, sizeof(vm));
	a->len = sizeof(vm);
}

static int
vsock_load(struct addr *a, const void *data, size_t len)
{
	struct sockaddr_vm vm;

	if (len < sizeof(vm)) {
		errno = EINVAL;
		return -1;
	}
	memcpy(&vm, data, sizeof(vm));
	vsock_set(a, vm.svm_cid, vm.svm_port);
	return 0;
}

static int
vsock_is_unspecified(const struct addr *a)
{
	return vsock_of(a).svm_cid == VMADDR_CID_ANY;
}

static void
vsock_host(const struct addr *a, struct addr_host *h)
{
	uint32_t cid = vsock_of(a).svm_cid;

	h->len = sizeof(cid);
	memcpy(h->bytes, &cid, sizeof(cid));
}

/* Any port is none; of those beyond an int it matters only that they are. */
static int
vsock_port(const struct addr *a)
{
	uint32_t port = vsock_of(a).svm_port;

	if (port == VMADDR_PORT_ANY)
		return 0;
	return port > INT_MAX ? INT_MAX : (int)port;
}

static int
vsock_parse(struct addr *a, const char *text,
    const struct addr_resolver *resolver, const char **why)
{
	uint32_t cid = VMADDR_CID_ANY, port;
	int any;

	(void)resolver;
	if (parse_two(text, &cid, &any, &port) == -1 ||
	    (!any && cid == VMADDR_CID_ANY))
		return addr_refuse(why, EINVAL,
		    "a vsock address is CID:PORT, two numbers, or *:PORT");
	if (port == 0 || port == VMADDR_PORT_ANY)
		return addr_refuse(why, EINVAL,
		    "the port is not a number from 1 to 4294967294");
	vsock_set(a, cid, port);
	return 0;
}

static int
vsock_print(const struct addr *a, char *buf, size_t size)
{
	struct sockaddr_vm vm = vsock_of(a);

	if (vm.svm_cid == VMADDR_CID_ANY)
		return snprintf(buf, size, "*:%u", vm.svm_port);
	return snprintf(buf, size, "%u:%u", vm.svm_cid, vm.svm_port);
}

/* ---- TIPC ---- */

static struct sockaddr_tipc
tipc_of(const struct addr *a)
{
	struct sockaddr_tipc tipc;

	memcpy(&tipc, &a->u, sizeof(tipc));
	return tipc;
}

static void
tipc_set(struct addr *a, uint32_t type, uint32_t instance)
{
	struct sockaddr_tipc tipc;

	memset(&tipc, 0, sizeof(tipc));
	tipc.family = AF_TIPC;
	tipc.addrtype = TIPC_SERVICE_ADDR;
	tipc.scope = TIPC_CLUSTER_SCOPE;
	tipc.addr.name.name.type = type;
	tipc.addr.name.name.instance = instance;
	memcpy(&a->u, &tipc, sizeof(tipc));
	a->len = sizeof(tipc);
}

/* A service, or what accept gives: the socket of a peer. */
static int
tipc_load(struct addr *a, const void *data, size_t len)
{
	struct sockaddr_tipc tipc, id;

	if (len < sizeof(tipc)) {
		errno = EINVAL;
		return -1;
	}
	memcpy(&tipc, data, sizeof(tipc));
	switch (tipc.addrtype) {
	case TIPC_SERVICE_ADDR:
		tipc_set(a, tipc.addr.name.name.type,
		    tipc.addr.name.name.instance);
		return 0;
	case TIPC_SOCKET_ADDR:
		memset(&id, 0, sizeof(id));
		id.family = AF_TIPC;
		id.addrtype = TIPC_SOCKET_ADDR;
		id.addr.id.ref = tipc.addr.id.ref;
		id.addr.id.node = tipc.addr.id.node;
		memcpy(&a->u, &id, sizeof(id));
		a->len = sizeof(id);
		return 0;
	default:
		errno = EINVAL;
		return -1;
	}
}

static const char tipc_reserved[] = "TIPC keeps the types under 64 for itself";

static int
tipc_unsound(const struct addr *a, const char **sentence)
{
	struct sockaddr_tipc tipc = tipc_of(a);

	*sentence = "a TIPC address must be that of a service";
	if (tipc.addrtype != TIPC_SERVICE_ADDR)
		return EINVAL;
	*sentence = tipc_reserved;
	return tipc.addr.name.name.type < TIPC_RESERVED_TYPES ? EINVAL : 0;
}

static int
tipc_is_unspecified(const struct addr *a)
{
	(void)a;
	return 0;
}

/* A service may be anywhere, and no peer is one. */
static void
tipc_host(const struct addr *a, struct addr_host *h)
{
	struct sockaddr_tipc tipc = tipc_of(a);

	h->len = 0;
	if (tipc.addrtype != TIPC_SOCKET_ADDR)
		return;
	h->len = sizeof(tipc.addr.id.node);
	memcpy(h->bytes, &tipc.addr.id.node, h->len);
}

static int
tipc_parse(struct addr *a, const char *text,
    const struct addr_resolver *resolver, const char **why)
{
	uint32_t type, instance;

	(void)resolver;
	if (parse_two(text, &type, NULL, &instance) == -1)
		return addr_refuse(why, EINVAL,
		    "a TIPC address is TYPE:INSTANCE, two numbers");
	if (type < TIPC_RESERVED_TYPES)
		return addr_refuse(why, EINVAL, tipc_reserved);
	tipc_set(a, type, instance);
	return 0;
}

/* A peer's socket is written "@NODE:PORT" and does not parse back. */
static int
tipc_print(const struct addr *a, char *buf, size_t size)
{
	struct sockaddr_tipc tipc = tipc_of(a);

	if (tipc.addrtype == TIPC_SOCKET_ADDR)
		return snprintf(buf, size, "@%x:%u", tipc.addr.id.node,
		    tipc.addr.id.ref);
	return snprintf(buf, size, "%u:%u", tipc.addr.name.name.type,
	    tipc.addr.name.name.instance);
}

const struct addr_family addr_families_system[] = {
	{
	    .family = AF_VSOCK,
	    .group = ADDR_GROUP_VSOCK,
	    .load = vsock_load,
	    .is_unspecified = vsock_is_unspecified,
	    .host = vsock_host,
	    .port = vsock_port,
	    .parse = vsock_parse,
	    .print = vsock_print,
	},
	{
	    .family = AF_TIPC,
	    .group = ADDR_GROUP_TIPC,
	    .load = tipc_load,
	    .unsound = tipc_unsound,
	    .is_unspecified = tipc_is_unspecified,
	    .host = tipc_host,
	    .parse = tipc_parse,
	    .print = tipc_print,
	},
	{ .family = 0 },
};
