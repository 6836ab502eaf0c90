/*
 * Lists: pulled page by page, handed out record by record.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../common/proto.h"
#include "fields.h"
#include "handle.h"
#include "include/mct/list.h"

struct mct_list {
	struct mct *mct;
	uint8_t what;    /* enum list_what */
	int last;        /* no page after this one */
	uint32_t cursor; /* of the next page */
	uint32_t left;   /* records not yet taken from page */
	struct frame_in page;
	uint8_t data[FRAME_MAX]; /* page lies here */
	struct mct_record record;
};

static const struct {
	const char *name;
	enum list_what what;
} lists[] = {
	{ "summary", LIST_SUMMARY },
	{ "bridges", LIST_BRIDGES },
	{ "sessions", LIST_SESSIONS },
	{ "ended", LIST_ENDED },
	{ "processes", LIST_PROCESSES },
	{ "groups", LIST_GROUPS },
};

struct mct_list *
mct_list_open(struct mct *mct, const char *what)
{
	struct mct_list *list;
	size_t i;

	if (mct == NULL || what == NULL) {
		errno = EINVAL;
		return NULL;
	}
	for (i = 0; i < sizeof lists / sizeof *lists; i++) {
		if (strcmp(lists[i].name, what) != 0)
			continue;
		list = calloc(1, sizeof *list);
		if (list == NULL) {
			handle_fail(mct, ENOMEM, "out of memory");
			return NULL;
		}
		list->mct = mct;
		list->what = (uint8_t)lists[i].what;
		mct->lists++;
		return list;
	}
	handle_fail(mct, ENOENT, "no such list");
	return NULL;
}

void
mct_list_close(struct mct_list *list)
{
	if (list == NULL)
		return;
	list->mct->lists--;
	free(list);
}

/* What the page held makes no sense; so it will be the next time. */
static int
list_broken(struct mct_list *list)
{
	list->left = 0;
	list->last = 0;
	return handle_bad_answer(list->mct);
}

/* Asks for the page at the cursor; 0, or -1 with errno. */
static int
list_page(struct mct_list *list)
{
	struct proto_list m = { .what = list->what, .cursor = list->cursor };
	uint8_t buf[HANDLE_REQUEST_BYTES];
	struct proto_records records;
	struct frame_out out;
	struct frame_in answer;

	if (handle_begin(list->mct, &out, buf, MSG_L2C_LIST) == -1)
		return -1;
	proto_put_list(&out, &m);
	if (handle_call(list->mct, &out, MSG_C2L_RECORDS, &answer) == -1)
		return -1;
	proto_get_records(&answer, &records);
	/* A cursor that stays where it is would have us ask for ever. */
	if (answer.bad ||
	    (records.cursor != 0 && records.cursor == list->cursor))
		return handle_bad_answer(list->mct);
	memcpy(list->data, answer.data, answer.size);
	list->page = answer;
	list->page.data = list->data;
	list->left = records.count;
	list->cursor = records.cursor;
	list->last = records.cursor == 0;
	if (list->left == 0 && frame_done(&list->page) == -1)
		return list_broken(list);
	return 0;
}

int
mct_list_next(struct mct_list *list, const struct mct_record **record)
{
	if (list == NULL || record == NULL) {
		errno = EINVAL;
		return -1;
	}
	*record = NULL;
	while (list->left == 0) {
		if (list->last)
			return 0;
		if (list_page(list) == -1)
			return -1;
	}
	list->left--;
	if (fields_take(&list->record, &list->page) == -1)
		return list_broken(list);
	if (list->left == 0 && frame_done(&list->page) == -1)
		return list_broken(list);
	*record = &list->record;
	return 1;
}
