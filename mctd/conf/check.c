/*
 * What is checked when the whole configuration is read, because it concerns
 * several statements.  An error is said where the later of two bridges
 * stands.
 */

#include <string.h>

#include "check.h"
#include "fail.h"

static int
check_room(const struct conf *conf, struct conf_source *source)
{
	const struct conf_bridge *b;

	if (conf->nbridges <= conf->limits.bridges)
		return 0;
	b = &conf->bridges[conf->limits.bridges];
	return fail_at(source, b->file, b->line,
	    "more bridges than \"limits { bridges %u }\" allows",
	    conf->limits.bridges);
}

/* Their channels have descriptors of a fixed range. */
static int
check_children(const struct conf *conf, struct conf_source *source)
{
	uint32_t n = 1 + conf->engines + 2 * conf->limits.standby;

	if (n <= LIMIT_CHILDREN)
		return 0;
	return fail_at(source, source->name, 0,
	    "\"engines %u\" and \"limits { standby %u }\" make %u processes "
	    "(1 + engines + 2 * standby), more than %d",
	    conf->engines, conf->limits.standby, n, LIMIT_CHILDREN);
}

/* The path is directory, '/', and one component. */
static int
lies_in(const char *path, const char *directory)
{
	size_t len = strlen(directory);
	const char *name;

	if (strncmp(path, directory, len) != 0 || path[len] != '/')
		return 0;
	name = path + len + 1;
	return name[0] != '\0' && strchr(name, '/') == NULL &&
	    strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static int
check_end(const struct conf *conf, struct conf_source *source,
    const struct conf_bridge *b, const struct addr *a, const char *end)
{
	const char *path = a->u.un.sun_path;
	uint32_t i;

	if (!addr_is_path(a))
		return 0;
	if (strcmp(path, conf->socket) == 0)
		return fail_at(source, b->file, b->line,
		    "the %s of a bridge cannot be mctd's control socket", end);
	for (i = 0; i < conf->ndirectories; i++)
		if (lies_in(path, conf->directory[i]))
			return 0;
	return fail_at(source, b->file, b->line,
	    "%s \"%s\" is not directly below one of the directories that "
	    "\"directory\" names",
	    end, path);
}

/* What two bridges may not have in common; NULL: nothing. */
static const char *
shared(const struct bridge_spec *a, const struct bridge_spec *b)
{
	if (a->name[0] != '\0' && strcmp(a->name, b->name) == 0)
		return "name";
	if (!addr_equal(&a->src, &b->src))
		return NULL;
	if (addr_is_connected_type(&a->src))
		return "src";
	return bridge_same_ends(a, b) ? "src and dst" : NULL;
}

static int
check_ends(const struct conf *conf, struct conf_source *source,
    const struct conf_bridge *b)
{
	const struct addr *dst;
	unsigned int i;

	if (check_end(conf, source, b, &b->spec.src, "src") == -1)
		return -1;
	for (i = 0; (dst = bridge_dst(&b->spec, i)) != NULL; i++)
		if (check_end(conf, source, b, dst, "dst") == -1)
			return -1;
	return 0;
}

/* A src that is a group is joined as well, as long as there is room. */
static int
check_groups(struct conf_source *source, const struct conf *conf,
    const struct conf_bridge *b, uint32_t *groups)
{
	*groups += b->spec.options.njoins;
	if (join_is_group(&b->spec.src))
		(*groups)++;
	if (*groups <= conf->limits.groups)
		return 0;
	return fail_at(source, b->file, b->line,
	    "more groups than \"limits { groups %u }\" allows",
	    conf->limits.groups);
}

static int
check_pair(struct conf_source *source, const struct conf_bridge *earlier,
    const struct conf_bridge *b)
{
	const char *what = shared(&earlier->spec, &b->spec);

	if (what == NULL)
		return 0;
	return fail_at(source, b->file, b->line,
	    "the bridge at %.150s:%d has the same %s", earlier->file,
	    earlier->line, what);
}

int
check_conf(const struct conf *conf, struct conf_source *source)
{
	const struct conf_bridge *b;
	uint32_t i, j, groups = 0;

	if (check_room(conf, source) == -1 ||
	    check_children(conf, source) == -1)
		return -1;
	for (i = 0; i < conf->nbridges; i++) {
		b = &conf->bridges[i];
		if (check_ends(conf, source, b) == -1 ||
		    check_groups(source, conf, b, &groups) == -1)
			return -1;
		for (j = 0; j < i; j++)
			if (check_pair(source, &conf->bridges[j], b) == -1)
				return -1;
	}
	return 0;
}
