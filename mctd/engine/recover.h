/*
 * Streams of an engine that died: what of it was sent and not discarded, what
 * lies in pipes, and in what state it was.
 */

#ifndef ENGINE_RECOVER_H
#define ENGINE_RECOVER_H

#include "stream.h"

/* Stores what of the stream's state the next engine cannot see itself. */
void recover_keep(const struct stream *);

/*
 * The stream, just started, was another engine's: finds out how far that had
 * come, and discards what was sent.  Returns what the stream wants.  May be
 * done again, by another engine, wherever this one dies in it.
 */
unsigned int recover_stream(struct stream *, struct stream_work *);

#endif
