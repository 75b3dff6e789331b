#ifndef JESSICA_CHIREDIS_SHIM_H
#define JESSICA_CHIREDIS_SHIM_H

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

// hiredis is used as a codec over memory: its reader and its command formatter, never its sockets.
//
// The reader of hiredis 0.14 has no limits of its own (`maxelements` came with 1.0): an array header
// alone makes it allocate. So every reader here has its own function table, which counts the elements
// of one reply and refuses what is above the limit; the rest of the table is hiredis's own.

typedef struct jessica_reader {
    redisReader *reader;
    redisReplyObjectFunctions *base;
    redisReplyObjectFunctions checked;
    size_t max_elements;  // in one reply, over all its arrays
    size_t elements;      // announced so far in the reply being read
    int refused;          // 1 when an array was refused
} jessica_reader;

// What is wrong with the item the reader is waiting for.
enum jessica_pending {
    JESSICA_PENDING_OK = 0,
    JESSICA_PENDING_LINE_TOO_LONG = 1,
    JESSICA_PENDING_BULK_TOO_LONG = 2,
};

static inline void *jessica_create_array(const redisReadTask *task, int elements) {
    jessica_reader *self = (jessica_reader *)task->privdata;
    if (self == NULL || elements < 0 ||
        (size_t)elements > self->max_elements - self->elements) {
        if (self != NULL) self->refused = 1;
        return NULL;  // the reader turns it into an error and frees what it had
    }
    self->elements += (size_t)elements;
    return self->base->createArray(task, elements);
}

static inline jessica_reader *jessica_reader_create(size_t max_elements) {
    jessica_reader *self = (jessica_reader *)calloc(1, sizeof(*self));
    if (self == NULL) return NULL;
    self->reader = redisReaderCreate();
    if (self->reader == NULL) {
        free(self);
        return NULL;
    }
    self->base = self->reader->fn;
    self->checked = *self->base;
    self->checked.createArray = jessica_create_array;
    self->max_elements = max_elements;
    self->reader->fn = &self->checked;
    self->reader->privdata = self;
    return self;
}

static inline void jessica_reader_free(jessica_reader *self) {
    if (self == NULL) return;
    redisReaderFree(self->reader);
    free(self);
}

static inline int jessica_reader_feed(jessica_reader *self, const void *bytes, size_t count) {
    return redisReaderFeed(self->reader, (const char *)bytes, count);
}

// The next whole reply in *reply, or NULL when more bytes are needed. The caller frees the reply.
static inline int jessica_reader_next(jessica_reader *self, redisReply **reply) {
    void *out = NULL;
    int status = redisReaderGetReply(self->reader, &out);
    *reply = (redisReply *)out;
    if (out != NULL) self->elements = 0;
    return status;
}

// Bytes fed and not yet consumed by a finished item.
static inline size_t jessica_reader_unread(const jessica_reader *self) {
    return self->reader->len - self->reader->pos;
}

static inline const char *jessica_reader_error(const jessica_reader *self) {
    return self->reader->errstr;
}

// Looks at the item the reader waits for, so that an endless line or an absurd length is refused
// when it is announced and not when the memory is gone.
static inline int jessica_reader_pending(
    const jessica_reader *self, size_t max_line, size_t max_bulk) {
    const redisReader *r = self->reader;
    if (r->err != 0 || r->buf == NULL || r->ridx < 0 || r->ridx > 8) return JESSICA_PENDING_OK;
    const redisReadTask *task = &r->rstack[r->ridx];
    if (task->type < 0 || r->pos >= r->len) return JESSICA_PENDING_OK;
    const size_t unread = r->len - r->pos;
    if (task->type != REDIS_REPLY_STRING) {
        return unread > max_line ? JESSICA_PENDING_LINE_TOO_LONG : JESSICA_PENDING_OK;
    }
    const char *p = r->buf + r->pos;
    size_t length = 0;
    for (size_t i = 0; i < unread; i++) {
        if (p[i] == '\r') return JESSICA_PENDING_OK;
        if (i >= 32) return JESSICA_PENDING_LINE_TOO_LONG;
        if (p[i] < '0' || p[i] > '9') continue;  // the reader itself refuses what is no number
        length = length * 10 + (size_t)(p[i] - '0');
        if (length > max_bulk) return JESSICA_PENDING_BULK_TOO_LONG;
    }
    return JESSICA_PENDING_OK;
}

#endif
