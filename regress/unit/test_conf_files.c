/* The configuration in several files: includes, and where errors stand. */

#include <sys/stat.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../mctd/conf/conf.h"

static char directory[] = "/tmp/test_conf_files.XXXXXX";
static int directory_fd = -1;
static struct conf *conf;
static struct conf_source source;

static int
open_file(void *arg, const char *name)
{
	(void)arg;
	return openat(directory_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static int
make_directory(void **state)
{
	(void)state;
	if (mkdtemp(directory) == NULL)
		return -1;
	directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory_fd == -1 || (conf = conf_new(16)) == NULL)
		return -1;
	source.open_file = open_file;
	return 0;
}

static int
remove_files(void **state)
{
	struct dirent *e;
	DIR *d;

	(void)state;
	if ((d = opendir(directory)) == NULL)
		return -1;
	while ((e = readdir(d)) != NULL)
		if (unlinkat(directory_fd, e->d_name, 0) == -1)
			(void)unlinkat(directory_fd, e->d_name, AT_REMOVEDIR);
	return closedir(d);
}

static int
remove_directory(void **state)
{
	(void)state;
	(void)close(directory_fd);
	return rmdir(directory);
}

static void
put_bytes(const char *name, const char *text, size_t len)
{
	int fd;

	fd = openat(directory_fd, name,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, text, len), len);
	assert_int_equal(close(fd), 0);
}

static void
put(const char *name, const char *text)
{
	put_bytes(name, text, strlen(text));
}

static int
parse(const char *name)
{
	source.name = name;
	return conf_parse(conf, &source);
}

static void
assert_error(const char *name, const char *error)
{
	assert_int_equal(parse(name), -1);
	assert_string_equal(source.error, error);
	assert_int_equal(errno, EINVAL);
}

static void
includes_are_read_in_their_place(void **state)
{
	(void)state;
	put("top",
	    "include \"macros\"\nuser $who\n\ninclude bridges\n"
	    "include bridges2\nbridge three tcp:*:3 tcp:1.2.3.4:3");
	put("macros", "who = carol # no newline at the end");
	put("bridges", "\n\nbridge one tcp:*:1 tcp:1.2.3.4:1");
	put("bridges2", "bridge two tcp:*:2 tcp:1.2.3.4:2\ninclude empty");
	put("empty", "");
	if (parse("top") == -1)
		fail_msg("%s", source.error);
	assert_string_equal(conf->user, "carol");
	assert_int_equal(conf->nbridges, 3);
	assert_string_equal(conf->bridges[0].file, "bridges");
	assert_int_equal(conf->bridges[0].line, 3);
	assert_string_equal(conf->bridges[1].file, "bridges2");
	assert_int_equal(conf->bridges[1].line, 1);
	assert_string_equal(conf->bridges[2].file, "top");
	assert_int_equal(conf->bridges[2].line, 6);
}

static void
one_file_may_come_twice(void **state)
{
	(void)state;
	put("top", "include a\ninclude b\ninclude a\n");
	put("a", "x = y\n");
	put("b", "include a\nuser $x");
	assert_int_equal(parse("top"), 0);
}

static void
a_file_that_includes_itself_is_an_error(void **state)
{
	(void)state;
	put("self", "\ninclude \"self\"\n");
	assert_error("self", "self:2: \"self\" includes itself");
	put("alias", "# c\ninclude \"./alias\"\n");
	assert_error("alias", "alias:2: \"./alias\" includes itself");
	put("a", "include b\n");
	put("b", "\n\ninclude a # and so on\n");
	assert_error("a", "b:3: \"a\" includes itself");
	assert_int_equal(linkat(directory_fd, "a", directory_fd, "c", 0), 0);
	put("b", "include c");
	assert_error("a", "b:1: \"c\" includes itself");
}

static void
includes_nest_so_deep_and_no_deeper(void **state)
{
	char name[16], text[32];
	int i;

	(void)state;
	for (i = 0; i <= CONF_INCLUDE_DEPTH; i++) {
		(void)snprintf(name, sizeof(name), "n%d", i);
		(void)snprintf(text, sizeof(text), "include n%d\n", i + 1);
		put(name, i < CONF_INCLUDE_DEPTH ? text : "user deep\n");
	}
	assert_int_equal(parse("n0"), 0);
	assert_string_equal(conf->user, "deep");
	put("n8", "include n9\n");
	put("n9", "");
	assert_error("n0", "n8:1: includes are nested more than 8 deep");
}

static void
errors_name_the_file_they_stand_in(void **state)
{
	(void)state;
	put("top", "\ninclude inner\nuser a\n");
	put("inner", "\nusr b\n");
	assert_error("top", "inner:2: unknown word \"usr\"");
	put("inner", "user b\n");
	assert_error("top", "top:3: \"user\" is given a second time");
	put("inner", "limits {\nclients 1\n");
	assert_error("top", "inner:1: the \"}\" to this \"{\" is missing");
	put("inner", "chroot");
	assert_error("top", "inner:1: something is missing at the end");
	put("inner",
	    "bridge tcp:*:1 tcp:1.2.3.4:1\nbridge tcp:*:1 "
	    "tcp:1.2.3.4:2");
	assert_error("top", "inner:2: the bridge at inner:1 has the same src");
	put("inner", "bridge unix:/a/b tcp:1.2.3.4:1");
	assert_error("top",
	    "inner:1: src \"/a/b\" is not directly below one "
	    "of the directories that \"directory\" names");
	put("top", "limits { include inner }\n");
	assert_error("top",
	    "top:1: unknown word \"include\" in the braces of "
	    "limits; is a \"}\" missing?");
}

static void
files_that_cannot_be_read(void **state)
{
	(void)state;
	assert_int_equal(parse("none"), -1);
	assert_int_equal(errno, ENOENT);
	assert_string_equal(source.error, "none: No such file or directory");
	put("top", "\ninclude none\n");
	assert_error("top",
	    "top:2: cannot open \"none\": No such file or "
	    "directory");
	assert_int_equal(mkdirat(directory_fd, "d", 0700), 0);
	put("top", "include d\n");
	assert_error("top", "top:1: cannot read \"d\": Is a directory");
	assert_error("d", "d: cannot read \"d\": Is a directory");
	put_bytes("nul", "#\0", 2);
	put("top", "include nul\n");
	assert_error("top", "nul:1: a zero byte, so this is no text");
}

/* Files that include each other twice would be read for ever. */
static void
all_text_together_has_its_limit(void **state)
{
	static char text[CONF_TEXT_BYTES / 2];

	(void)state;
	memset(text, '\n', sizeof(text) - 1);
	put("half", text);
	put("top", "include half\nuser a\n");
	assert_int_equal(parse("top"), 0);
	put("top", "include half\n\ninclude half\n");
	assert_error("top",
	    "top:3: \"half\" makes more than 1048576 bytes of text");
}

static void
no_descriptor_is_left_open(void **state)
{
	int before, after, i;

	(void)state;
	put("top", "include a\ninclude top\n");
	put("a", "user a\n");
	put("good", "include a\n");
	before = dup(directory_fd);
	(void)close(before);
	for (i = 0; i < 10; i++) {
		assert_int_equal(parse("top"), -1);
		assert_int_equal(parse("good"), 0);
		assert_int_equal(parse("none"), -1);
	}
	after = dup(directory_fd);
	(void)close(after);
	assert_int_equal(before, after);
}

/* Takes the '#' from lines where a statement or its inside follows it. */
static void
uncomment(const char *from, const char *to)
{
	char line[256];
	FILE *in, *out;
	int fd;

	in = fopen(from, "r");
	assert_non_null(in);
	fd = openat(directory_fd, to, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	out = fdopen(fd, "w");
	assert_non_null(out);
	while (fgets(line, sizeof(line), in) != NULL)
		(void)fputs(line[0] == '#' && line[1] != ' ' ? line + 1 : line,
		    out);
	assert_int_equal(fclose(in), 0);
	assert_int_equal(fclose(out), 0);
}

static int
open_example(void *arg, const char *name)
{
	(void)arg;
	if (strcmp(name, "/etc/mctd.conf.local") == 0)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	return open_file(NULL, name);
}

/* The example that is given out; tests run at the top of the tree. */
static void
the_example_is_good(void **state)
{
	char *whole;

	(void)state;
	whole = realpath("etc/mctd.conf", NULL);
	assert_non_null(whole);
	if (parse(whole) == -1)
		fail_msg("%s", source.error);
	assert_int_equal(conf->nbridges, 0);
	assert_int_equal(conf->user_given, 0);
	uncomment(whole, "example");
	free(whole);
	source.open_file = open_example;
	if (parse("example") == -1)
		fail_msg("%s", source.error);
	source.open_file = open_file;
	assert_int_equal(conf->nbridges, 10);
	assert_int_equal(conf->socket_mode, 0660);
	assert_int_equal(conf->ndirectories, 1);
}

#define FILES(test) cmocka_unit_test_teardown(test, remove_files)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FILES(includes_are_read_in_their_place),
		FILES(one_file_may_come_twice),
		FILES(a_file_that_includes_itself_is_an_error),
		FILES(includes_nest_so_deep_and_no_deeper),
		FILES(errors_name_the_file_they_stand_in),
		FILES(files_that_cannot_be_read),
		FILES(all_text_together_has_its_limit),
		FILES(no_descriptor_is_left_open),
		FILES(the_example_is_good),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
