/*
 * Log lines.  A process says once where its lines go; from then on nothing
 * here allocates.  Levels: what each is for stands beside it.
 */

#ifndef COMMON_LOG_H
#define COMMON_LOG_H

enum log_level {
	LOG_LEVEL_FATAL, /* we are broken */
	LOG_LEVEL_WARN,  /* the administrator should act */
	LOG_LEVEL_INFO,  /* state changed */
	LOG_LEVEL_DEBUG  /* per flow */
};

/* Takes one line without newline; called for lines at or below the level. */
struct log_sink {
	void (*write)(void *arg, enum log_level, const char *line);
	void *arg;
};

/*
 * Until called, lines of level info and below go to stderr, after "mctd: ".
 * A sink must not log; NULL changes the level alone.
 */
void log_set(const struct log_sink *, enum log_level);
enum log_level log_get_level(void);

/* What is not printable ASCII becomes '?', a line is cut at TEXT_BYTES. */
void log_fatal(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same with no format, at a level known at run time. */
void log_line(enum log_level, const char *line);

/*
 * At most rate lines a second of one kind: returns 1 when the line may be
 * written.  The first one after a silence is preceded by a line that says
 * how many were left out.
 */
struct log_rate {
	long second;
	unsigned int count;
	unsigned int left_out;
};
int log_rate(struct log_rate *, unsigned int rate, const char *what);

#endif
