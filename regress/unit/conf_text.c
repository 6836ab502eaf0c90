/* Text for the parser, by way of a file in memory. */

#include <sys/mman.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf_text.h"

#define PRINTED_BYTES (4 * 1024 * 1024)

struct bytes {
	const char *at;
	size_t len;
};

static struct conf_source source;

/* The one file there is. */
static int
open_text(void *arg, const char *name)
{
	const struct bytes *bytes = arg;
	int fd;

	if (strcmp(name, "t") != 0) {
		errno = ENOENT;
		return -1;
	}
	if ((fd = memfd_create("conf", MFD_CLOEXEC)) == -1)
		return -1;
	if (write(fd, bytes->at, bytes->len) != (ssize_t)bytes->len ||
	    lseek(fd, 0, SEEK_SET) != 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

int
conf_text_bytes(struct conf *conf, const char *text, size_t len)
{
	struct bytes bytes = { text, len };

	source.name = "t";
	source.open_file = open_text;
	source.arg = &bytes;
	return conf_parse(conf, &source);
}

int
conf_text(struct conf *conf, const char *text)
{
	return conf_text_bytes(conf, text, strlen(text));
}

const char *
conf_text_error(void)
{
	return source.error;
}

struct conf *
conf_text_tree(void)
{
	static struct conf *conf;

	if (conf == NULL && (conf = conf_new(LIMIT_BRIDGES_MAX)) == NULL)
		fail_msg("no memory for a tree");
	return conf;
}

const char *
conf_text_printed(const struct conf *conf)
{
	static char text[PRINTED_BYTES];
	FILE *out;

	if ((out = fmemopen(text, sizeof(text), "w")) == NULL)
		fail_msg("fmemopen");
	conf_print(conf, out);
	if (fclose(out) != 0)
		fail_msg("the printed configuration is too long");
	return text;
}

const struct conf *
conf_text_good(const char *text)
{
	struct conf *conf = conf_text_tree();

	if (conf_text(conf, text) == -1)
		fail_msg("%s", conf_text_error());
	return conf;
}
