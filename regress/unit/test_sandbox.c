/*
 * The sandbox: shared memory that nobody can change the size of, or write who
 * should only read; paths that stay below their directory.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../common/log.h"
#include "../../mctd/sandbox/sandbox.h"

#define BYTES       8192

/* More than the C library keeps for itself. */
#define BLOCKS      16
#define BLOCK_BYTES 100000

static void
check_size(int fd)
{
	struct stat st;

	assert_int_equal(ftruncate(fd, BYTES * 2), -1);
	assert_int_equal(ftruncate(fd, BYTES / 2), -1);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, BYTES);
}

static void *
map(int fd, int protection)
{
	return mmap(NULL, BYTES, protection, MAP_SHARED, fd, 0);
}

static void
shared_memory_keeps_its_size(void **state)
{
	int fd_read, fd_write;
	char *mem;

	(void)state;
	mem = sandbox_memory("test", BYTES, &fd_read, &fd_write);
	assert_non_null(mem);
	check_size(fd_read);
	check_size(fd_write);
	close(fd_read);
	close(fd_write);
	munmap(mem, BYTES);
}

static void
reader_cannot_write(void **state)
{
	int fd_read, fd_write;
	char *mem, *mine;

	(void)state;
	mem = sandbox_memory("test", BYTES, &fd_read, &fd_write);
	assert_non_null(mem);
	assert_ptr_equal(map(fd_read, PROT_READ | PROT_WRITE), MAP_FAILED);
	assert_int_equal(errno, EACCES);
	mine = map(fd_read, PROT_READ);
	assert_ptr_not_equal(mine, MAP_FAILED);
	assert_int_equal(mprotect(mine, BYTES, PROT_READ | PROT_WRITE), -1);
	mem[BYTES - 1] = 'x';
	assert_int_equal(mine[BYTES - 1], 'x');
	munmap(mine, BYTES);
	munmap(mem, BYTES);
	close(fd_read);
	close(fd_write);
}

/* Not even through the descriptor's own path. */
static void
without_a_second_writer_nobody_else_writes(void **state)
{
	char path[32];
	int fd_read, fd;
	void *mem;

	(void)state;
	mem = sandbox_memory("test", BYTES, &fd_read, NULL);
	assert_non_null(mem);
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd_read);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_not_equal(fd, -1);
	assert_ptr_equal(map(fd, PROT_READ | PROT_WRITE), MAP_FAILED);
	assert_int_equal(write(fd, "x", 1), -1);
	close(fd);
	close(fd_read);
	munmap(mem, BYTES);
}

static void
refused(int dir, const char *path)
{
	assert_int_equal(sandbox_open_beneath(dir, path, O_RDONLY), -1);
}

static void
opens_below_its_directory_alone(void **state)
{
	char place[] = "/tmp/test_sandbox.XXXXXX";
	int dir, fd;

	(void)state;
	assert_non_null(mkdtemp(place));
	dir = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_not_equal(dir, -1);
	assert_int_equal(mkdirat(dir, "sub", 0700), 0);
	fd = openat(dir, "sub/file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_int_not_equal(fd, -1);
	close(fd);
	assert_int_equal(symlinkat("sub", dir, "link"), 0);
	assert_int_equal(symlinkat("/etc/passwd", dir, "out"), 0);

	fd = sandbox_open_beneath(dir, "sub/file", O_RDONLY);
	assert_int_not_equal(fd, -1);
	close(fd);
	refused(dir, "../../etc/passwd");
	refused(dir, "sub/../../../etc/passwd");
	refused(dir, "/etc/passwd");
	refused(dir, "out");
	refused(dir, "link/file");
	refused(dir, "sub/missing");

	assert_int_equal(unlinkat(dir, "sub/file", 0), 0);
	assert_int_equal(unlinkat(dir, "sub", AT_REMOVEDIR), 0);
	assert_int_equal(unlinkat(dir, "link", 0), 0);
	assert_int_equal(unlinkat(dir, "out", 0), 0);
	close(dir);
	assert_int_equal(rmdir(place), 0);
}

static void
log_nothing(void *arg, enum log_level level, const char *line)
{
	(void)arg;
	(void)level;
	(void)line;
}

static pid_t
locked(void)
{
	const char *step;
	pid_t pid = fork();

	if (pid == 0 &&
	    (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
		sandbox_lock(PROCESS_ENGINE, &step) == -1))
		_exit(1);
	return pid;
}

static void
ends_with(pid_t pid, int wanted)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), wanted);
}

static void
forbidden_call_ends_the_process(void **state)
{
	static const struct log_sink sink = { .write = log_nothing };
	pid_t pid;

	(void)state;
	log_set(&sink, LOG_LEVEL_FATAL);
	if ((pid = locked()) == 0) {
		(void)getppid();
		_exit(0);
	}
	ends_with(pid, SANDBOX_EXIT);
}

/*
 * The C library gives memory back by calls that nobody may make any more,
 * once there is enough of it at the end of what it has.
 */
static void
memory_may_be_freed_when_it_is_locked(void **state)
{
	void *block[BLOCKS];
	pid_t pid;
	size_t i;

	(void)state;
	for (i = 0; i < BLOCKS; i++)
		block[i] = malloc(BLOCK_BYTES);
	for (i = 0; i + 1 < BLOCKS; i++)
		free(block[i]);
	if ((pid = locked()) == 0) {
		free(block[BLOCKS - 1]);
		_exit(0);
	}
	ends_with(pid, 0);
	free(block[BLOCKS - 1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shared_memory_keeps_its_size),
		cmocka_unit_test(reader_cannot_write),
		cmocka_unit_test(without_a_second_writer_nobody_else_writes),
		cmocka_unit_test(opens_below_its_directory_alone),
		cmocka_unit_test(forbidden_call_ends_the_process),
		cmocka_unit_test(memory_may_be_freed_when_it_is_locked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
