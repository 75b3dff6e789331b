#ifndef JESSICA_CZLIB_SHIM_H
#define JESSICA_CZLIB_SHIM_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

// zlib is used as a codec over memory: raw DEFLATE with a dictionary that both sides
// know, in one call each; and gzip, piece by piece.

// The number of bytes written, or -1 when they do not fit or zlib fails.
static inline long jessica_deflate(const uint8_t *from, size_t size, const uint8_t *dictionary, size_t words,
                                   uint8_t *to, size_t room) {
    z_stream stream;
    memset(&stream, 0, sizeof stream);
    if (size > UINT32_MAX || room > UINT32_MAX || words > UINT32_MAX) return -1;
    if (deflateInit2(&stream, 6, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY) != Z_OK) return -1;
    long written = -1;
    if (deflateSetDictionary(&stream, dictionary, (uInt)words) == Z_OK) {
        stream.next_in = (Bytef *)from;
        stream.avail_in = (uInt)size;
        stream.next_out = to;
        stream.avail_out = (uInt)room;
        if (deflate(&stream, Z_FINISH) == Z_STREAM_END) written = (long)stream.total_out;
    }
    deflateEnd(&stream);
    return written;
}

// The number of bytes written, or -1 when this is no whole stream, or more than there is room for.
static inline long jessica_inflate(const uint8_t *from, size_t size, const uint8_t *dictionary, size_t words,
                                   uint8_t *to, size_t room) {
    z_stream stream;
    memset(&stream, 0, sizeof stream);
    if (size > UINT32_MAX || room > UINT32_MAX || words > UINT32_MAX) return -1;
    if (inflateInit2(&stream, -15) != Z_OK) return -1;
    long written = -1;
    if (inflateSetDictionary(&stream, dictionary, (uInt)words) == Z_OK) {
        stream.next_in = (Bytef *)from;
        stream.avail_in = (uInt)size;
        stream.next_out = to;
        stream.avail_out = (uInt)room;
        if (inflate(&stream, Z_FINISH) == Z_STREAM_END) written = (long)stream.total_out;
    }
    inflateEnd(&stream);
    return written;
}

// How much room the gzip file of so many bytes may need.
static inline size_t jessica_gzip_bound(size_t size) { return compressBound(size) + 64; }

// A gzip stream that is fed piece by piece; NULL when there is no memory.
static inline z_stream *jessica_gzip_begin(int writes) {
    z_stream *stream = (z_stream *)calloc(1, sizeof(z_stream));
    if (stream == NULL) return NULL;
    int code = writes ? deflateInit2(stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY)
                      : inflateInit2(stream, 15 + 16);
    if (code == Z_OK) return stream;
    free(stream);
    return NULL;
}

// Takes what it can of `from` and fills what it can of `to`; both sizes become what was used of them. The answer is
// 0 to go on, 1 at the end of the stream, -1 when it is damaged.
static inline int jessica_gzip_step(z_stream *stream, int writes, int last, const uint8_t *from, size_t *size,
                                    uint8_t *to, size_t *room) {
    if (*size > UINT32_MAX || *room > UINT32_MAX) return -1;
    stream->next_in = (Bytef *)from;
    stream->avail_in = (uInt)*size;
    stream->next_out = to;
    stream->avail_out = (uInt)*room;
    int code = writes ? deflate(stream, last ? Z_FINISH : Z_NO_FLUSH) : inflate(stream, Z_NO_FLUSH);
    *size -= stream->avail_in;
    *room -= stream->avail_out;
    if (code == Z_STREAM_END) return 1;
    return code == Z_OK || code == Z_BUF_ERROR ? 0 : -1;
}

static inline void jessica_gzip_end(z_stream *stream, int writes) {
    if (writes) deflateEnd(stream); else inflateEnd(stream);
    free(stream);
}

// A gzip file in one call: the number of bytes written, or -1 when they do not fit or zlib fails.
static inline long jessica_gzip(const uint8_t *from, size_t size, uint8_t *to, size_t room) {
    z_stream *stream = jessica_gzip_begin(1);
    if (stream == NULL) return -1;
    size_t used = size, written = room;
    int code = jessica_gzip_step(stream, 1, 1, from, &used, to, &written);
    jessica_gzip_end(stream, 1);
    return code == 1 ? (long)written : -1;
}

#endif
