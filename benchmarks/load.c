/*
 * The load generator: one process, one epoll loop, any number of WebSockets (RFC 6455) and HTTP polls.
 *
 * The same for every server. What differs between them comes in as templates, in which %r is a room, %b a body,
 * %n a nonce, %a a cursor. A nonce is RUN-CONNECTION-SEQUENCE-MICROSECONDS in hexadecimal: whoever receives a
 * message knows from it whose it is and when it was sent. Messages are counted by their nonces, so a frame may
 * hold any number of them. A frame that equals one seen before, byte for byte, is not parsed again: in a fan-out
 * the comparison costs a tenth of the parse.
 *
 * It prints one JSON object, after an empty line where a flow begins to be measured. "cpu" is this process's own use of one core in the measured time: near 1, the
 * result is about the client.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTING, UPGRADING, JOINING, LIVE, POLLING, GONE };
enum { RECEIVE_BYTES = 1 << 20, CACHE_SLOTS = 1024, TEMPLATE_BYTES = 8192 };
#define STALL_US 3000000

typedef struct {
    int fd, state, index, room, inflight, got;
    uint32_t sequence, events;
    uint64_t began, last_own, last_id, again;
    int64_t after;
    char *in, *out;
    size_t in_length, out_length;
} Conn;

typedef struct {
    int conn;
    uint32_t sequence;
    uint64_t sent;
    bool ours;
} Seen;

typedef struct {
    char *bytes;
    size_t length, capacity;
    int count, room;
    Seen *seen;
} Cached;

typedef struct {
    uint64_t buckets[64 * 64], count, most;
} Histogram;

static struct {
    const char *mode, *path, *join, *join_after, *send, *poll, *tokens, *cursors, *body;
    int port, conns, rooms, senders, inflight, connecting, missed, pace_us, first_room;
    double rate, warm_s, time_s, settle_s;
} options = {.mode = "flow", .path = "/ws", .conns = 1, .rooms = 1, .senders = 1, .inflight = 1, .connecting = 100,
             .missed = 100, .warm_s = 1, .time_s = 5, .settle_s = 1,
             .body = "What was said in the room, of about the length that people write."};

static Conn *conns;
static int epoll_fd, live, failed, closed_by_server, caught_up, answered, early;
static char **tokens;
static int token_count;
static uint32_t run_id;
static bool measuring, retrying;
static uint64_t own, deliveries, frames, lost, errors, now;
static char first_error[400];
static Histogram own_times, delivery_times, spans;
static Cached cache[CACHE_SLOTS];
static char receive_buffer[RECEIVE_BYTES];

static uint64_t clock_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static double cpu_s(void) {
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) + (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    exit(1);
}

static void note_error(const char *text, size_t length) {
    errors++;
    if (!first_error[0]) {
        size_t at = 0;
        for (size_t i = 0; i < length && at + 2 < sizeof first_error; i++)
            if (text[i] >= ' ' && text[i] != '"' && text[i] != '\\') first_error[at++] = text[i];
        first_error[at] = 0;
    }
}

/* Histogram: 64 buckets for each doubling, so within 1.6 %. */

static int bucket_of(uint64_t value) {
    if (value < 64) return (int)value;
    int shift = 57 - __builtin_clzll(value);
    return (shift + 1) * 64 + (int)((value >> shift) & 63);
}

static uint64_t bucket_value(int bucket) {
    return bucket < 64 ? (uint64_t)bucket : (uint64_t)(64 + bucket % 64) << (bucket / 64 - 1);
}

static void record(Histogram *histogram, uint64_t value) {
    histogram->buckets[bucket_of(value)]++;
    histogram->count++;
    if (value > histogram->most) histogram->most = value;
}

static double quantile_ms(const Histogram *histogram, double share) {
    uint64_t wanted = (uint64_t)((double)histogram->count * share), passed = 0;
    if (wanted >= histogram->count) return (double)histogram->most / 1000;
    for (int bucket = 0; bucket < 64 * 64; bucket++) {
        passed += histogram->buckets[bucket];
        if (passed > wanted) return (double)bucket_value(bucket) / 1000;
    }
    return (double)histogram->most / 1000;
}

static void print_histogram(const char *name, const Histogram *histogram) {
    printf(", \"%s_p50_ms\": %.3f, \"%s_p99_ms\": %.3f, \"%s_p999_ms\": %.3f, \"%s_max_ms\": %.3f", name,
           quantile_ms(histogram, 0.5), name, quantile_ms(histogram, 0.99), name, quantile_ms(histogram, 0.999), name,
           (double)histogram->most / 1000);
}

/* Sending */

static void watch(Conn *c, uint32_t events) {
    if (c->events == events) return;
    struct epoll_event event = {.events = events, .data.u32 = (uint32_t)c->index};
    epoll_ctl(epoll_fd, c->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd, &event);
    c->events = events;
}

static void gone(Conn *c) {
    if (c->state == GONE) return;
    close(c->fd);
    free(c->in);
    free(c->out);
    c->in = c->out = NULL;
    c->in_length = c->out_length = 0;
    c->events = 0;
    c->state = GONE;
}

static void flush(Conn *c) {
    size_t done = 0;
    while (done < c->out_length) {
        ssize_t n = send(c->fd, c->out + done, c->out_length - done, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno != EAGAIN) {
                failed++;
                gone(c);
                return;
            }
            break;
        }
        done += (size_t)n;
    }
    memmove(c->out, c->out + done, c->out_length - done);
    c->out_length -= done;
    watch(c, c->out_length ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void put(Conn *c, const void *bytes, size_t length) {
    c->out = realloc(c->out, c->out_length + length);
    memcpy(c->out + c->out_length, bytes, length);
    c->out_length += length;
}

static void put_frame(Conn *c, int opcode, const char *payload, size_t length) {
    unsigned char head[8], masked[TEMPLATE_BYTES];
    size_t at = 0;
    head[at++] = (unsigned char)(0x80 | opcode);
    if (length < 126) {
        head[at++] = (unsigned char)(0x80 | length);
    } else {
        head[at++] = 0x80 | 126;
        head[at++] = (unsigned char)(length >> 8);
        head[at++] = (unsigned char)length;
    }
    uint32_t mask = run_id * 2654435761u + c->sequence * 40503u + 1;
    memcpy(head + at, &mask, 4);
    for (size_t i = 0; i < length; i++) masked[i] = (unsigned char)payload[i] ^ head[at + (i & 3)];
    put(c, head, at + 4);
    put(c, masked, length);
}

static size_t fill(char *into, const char *template, int room, int64_t after, const char *nonce) {
    size_t at = 0;
    for (const char *p = template; *p; p++) {
        size_t left = TEMPLATE_BYTES - at;
        if (*p != '%') {
            into[at++] = *p;
            continue;
        }
        switch (*++p) {
        case 'r': at += (size_t)snprintf(into + at, left, "r%d", room); break;
        case 'a': at += (size_t)snprintf(into + at, left, "%lld", (long long)after); break;
        case 'b': at += (size_t)snprintf(into + at, left, "%s", options.body); break;
        case 'n': at += (size_t)snprintf(into + at, left, "%s", nonce); break;
        default: die("an unknown placeholder in %s", template);
        }
        if (at + 64 > TEMPLATE_BYTES) die("a template is too long");
    }
    return at;
}

static void put_send(Conn *c, uint64_t at_us) {
    char nonce[64], text[TEMPLATE_BYTES];
    snprintf(nonce, sizeof nonce, "%08x-%x-%x-%llx", run_id, (unsigned)c->index, c->sequence++, (unsigned long long)at_us);
    size_t length = fill(text, options.send, c->room, 0, nonce);
    put_frame(c, 1, text, length);
    c->inflight++;
}

static void top_up(Conn *c) {
    if (c->state != LIVE) return;
    while (c->inflight < options.inflight) put_send(c, clock_us());
    flush(c);
}

/* Connecting */

static void begin(Conn *c) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) die("socket: %s", strerror(errno));
    int one = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->began = clock_us();
    c->state = CONNECTING;
    c->got = c->inflight = 0;
    c->events = 0;
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
        die("connect: %s", strerror(errno));
    watch(c, EPOLLOUT);
}

static void ask(Conn *c, bool websocket) {
    char request[TEMPLATE_BYTES], path[1024];
    path[fill(path, websocket ? options.path : options.poll, c->room, c->after, "")] = 0;
    size_t at = (size_t)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n", path, options.port);
    if (token_count)
        at += (size_t)snprintf(request + at, sizeof request - at, "Authorization: Bearer %s\r\n", tokens[c->index % token_count]);
    if (websocket)
        at += (size_t)snprintf(request + at, sizeof request - at,
                               "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                               "Sec-WebSocket-Version: 13\r\nOrigin: http://127.0.0.1:%d\r\n", options.port);
    at += (size_t)snprintf(request + at, sizeof request - at, "\r\n");
    put(c, request, at);
    c->state = websocket ? UPGRADING : POLLING;
    flush(c);
}

static void join(Conn *c) {
    char text[TEMPLATE_BYTES];
    size_t length = fill(text, c->after >= 0 ? options.join_after : options.join, c->room, c->after, "");
    put_frame(c, 1, text, length);
    c->state = JOINING;
    flush(c);
}

/* Receiving */

static bool begins(const char *text, size_t length, const char *with) {
    size_t n = strlen(with);
    return length >= n && !memcmp(text, with, n);
}

static Cached *parse(const char *text, size_t length) {
    uint32_t hash = (uint32_t)length;
    for (size_t i = length > 40 ? length - 40 : 0; i < length; i++) hash = hash * 31 + (unsigned char)text[i];
    Cached *slot = &cache[hash % CACHE_SLOTS];
    if (slot->length == length && !memcmp(slot->bytes, text, length)) return slot;
    if (slot->capacity < length) {
        slot->bytes = realloc(slot->bytes, length);
        slot->capacity = length;
    }
    memcpy(slot->bytes, text, length);
    slot->length = length;
    slot->count = 0;
    const char *at = text, *end = text + length;
    while ((at = memmem(at, (size_t)(end - at), "\"nonce\":\"", 9))) {
        at += 9;
        if (!(slot->count & (slot->count + 1)))
            slot->seen = realloc(slot->seen, sizeof(Seen) * (size_t)(slot->count + 1) * 2);
        Seen *seen = &slot->seen[slot->count++];
        memset(seen, 0, sizeof *seen);
        char nonce[65];
        size_t n = (size_t)(end - at) < 64 ? (size_t)(end - at) : 64;
        memcpy(nonce, at, n);
        nonce[n] = 0;
        unsigned run, conn, sequence;
        unsigned long long sent;
        if (sscanf(nonce, "%8x-%x-%x-%llx", &run, &conn, &sequence, &sent) == 4 && run == run_id) {
            seen->conn = (int)conn;
            seen->sequence = sequence;
            seen->sent = sent;
            seen->ours = true;
        }
    }
    return slot;
}

static void take_text(Conn *c, const char *text, size_t length) {
    if (begins(text, length, "{\"type\":\"joined\"")) {
        const char *at = memmem(text, length, "\"last_id\":", 10);
        c->last_id = at ? strtoull(at + 10, NULL, 10) : 0;
        if (c->state == JOINING) {
            c->state = LIVE;
            live++;
        }
        return;
    }
    if (begins(text, length, "{\"type\":\"hello\"") || begins(text, length, "{\"type\":\"sent\"")) return;
    if (begins(text, length, "{\"type\":\"error\"") || begins(text, length, "{\"type\":\"reset\"") || begins(text, length, "{\"type\":\"left\"")) {
        note_error(text, length);
        const char *wait = memmem(text, length, "\"retry_after\":", 14);
        if (c->state == JOINING && wait) c->again = now + strtoull(wait + 14, NULL, 10) * 1000000;
        return;
    }
    const Cached *cached = parse(text, length);
    frames += measuring;
    bool before = c->got >= options.missed;
    c->got += cached->count;
    if (!before && c->got >= options.missed) {
        caught_up++;
        record(&spans, now - c->began);
    }
    for (int i = 0; i < cached->count; i++) {
        const Seen *seen = &cached->seen[i];
        if (!seen->ours) continue;
        uint64_t took = now > seen->sent ? now - seen->sent : 0;
        if (measuring) {
            deliveries++;
            record(&delivery_times, took);
        }
        if (seen->conn == c->index) {
            if (c->inflight) c->inflight--;
            c->last_own = now;
            if (measuring) {
                own++;
                record(&own_times, took);
            }
        }
    }
}

/* Takes what is whole of `data` and returns how many bytes that was. */
static size_t take(Conn *c, const char *data, size_t length) {
    size_t at = 0;
    if (c->state == POLLING) {
        if (!measuring) early++;
        char mark[32];
        snprintf(mark, sizeof mark, "\"nonce\":\"%08x-", run_id);
        if (!memmem(data, length, mark, strlen(mark))) return 0;
        answered++;
        record(&spans, now);
        return length;
    }
    if (c->state == UPGRADING) {
        const char *end = memmem(data, length, "\r\n\r\n", 4);
        if (!end) return 0;
        if (length < 12 || memcmp(data + 9, "101", 3)) {
            note_error(data, length < 200 ? length : 200);
            const char *wait = memmem(data, length, "Retry-After: ", 13);
            if (retrying && wait) c->again = now + strtoull(wait + 13, NULL, 10) * 1000000;
            else failed++;
            gone(c);
            return length;
        }
        at = (size_t)(end - data) + 4;
        join(c);
    }
    while (c->state != GONE && length - at >= 2) {
        const unsigned char *head = (const unsigned char *)data + at;
        size_t size = head[1] & 0x7f, skip = 2;
        if (size == 126) {
            if (length - at < 4) break;
            size = (size_t)head[2] << 8 | head[3];
            skip = 4;
        } else if (size == 127) {
            if (length - at < 10) break;
            size = 0;
            for (int i = 2; i < 10; i++) size = size << 8 | head[i];
            skip = 10;
        }
        if (length - at < skip + size) break;
        const char *payload = data + at + skip;
        int opcode = head[0] & 0x0f;
        if (opcode == 1 || opcode == 2) take_text(c, payload, size);
        else if (opcode == 9) { put_frame(c, 10, payload, size); flush(c); }
        else if (opcode == 8) { closed_by_server++; note_error("a close frame", 13); gone(c); }
        at += skip + size;
    }
    return at;
}

static void readable(Conn *c) {
    while (c->state != GONE) {
        memcpy(receive_buffer, c->in, c->in_length);
        size_t room = RECEIVE_BYTES - c->in_length;
        ssize_t n = recv(c->fd, receive_buffer + c->in_length, room, 0);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) {
            failed++;
            gone(c);
            return;
        }
        size_t length = c->in_length + (size_t)n, used = take(c, receive_buffer, length);
        if (c->state == GONE) return;
        size_t left = length - used;
        if (left) c->in = realloc(c->in, left);
        memcpy(c->in, receive_buffer + used, left);
        c->in_length = left;
        if ((size_t)n < room) return; /* level-triggered: what came since is told again */
    }
}

typedef void (*AfterRead)(Conn *);

/* Handles what there is within `wait_ms`. */
static void turn(int wait_ms, AfterRead after_read) {
    struct epoll_event events[512];
    int count = epoll_wait(epoll_fd, events, 512, wait_ms);
    for (int i = 0; i < count; i++) {
        if (events[i].data.u32 == UINT32_MAX) continue; /* the timer of an open loop */
        Conn *c = &conns[events[i].data.u32];
        now = clock_us();
        if (c->state == GONE) continue;
        if (c->state == CONNECTING) {
            int problem = 0;
            socklen_t size = sizeof problem;
            getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &problem, &size);
            if (problem) {
                note_error("not connected", 13);
                failed++;
                gone(c);
                continue;
            }
            ask(c, c->room >= 0);
            continue;
        }
        if (events[i].events & EPOLLOUT) flush(c);
        if (c->state != GONE && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
            readable(c);
            if (after_read && c->state != GONE) after_read(c);
        }
    }
    now = clock_us();
}

static void turn_for(double seconds, AfterRead after_read) {
    uint64_t end = clock_us() + (uint64_t)(seconds * 1e6);
    while ((now = clock_us()) < end) turn((int)((end - now) / 1000) + 1, after_read);
}

/* Connects and joins conns[from..to), at most options.connecting at a time; returns the seconds it took. */
static double connect_all(int from, int to, double limit_s) {
    uint64_t start = clock_us(), end = start + (uint64_t)(limit_s * 1e6);
    int next = from, before = live + failed;
    while (live + failed - before < to - from) {
        while (next < to && next - from - (live + failed - before) < options.connecting) begin(&conns[next++]);
        turn(100, NULL);
        if (now > end) die("only %d of %d joined, %d failed: %s", live, to - from, failed, first_error);
    }
    if (failed) die("%d of %d failed: %s", failed, to - from, first_error);
    return (double)(clock_us() - start) / 1e6;
}

static void set_up(int count) {
    conns = calloc((size_t)count, sizeof *conns);
    for (int i = 0; i < count; i++) {
        conns[i].index = i;
        conns[i].room = options.first_room + i % options.rooms;
        conns[i].after = -1;
        conns[i].state = GONE;
    }
}

static void print_end(double cpu) {
    printf(", \"cpu\": %.3f, \"lost\": %llu, \"errors\": %llu, \"failed\": %d, \"first_error\": \"%s\"}\n", cpu,
           (unsigned long long)lost, (unsigned long long)errors, failed, first_error);
    fflush(stdout);
}

/* The modes */

static void revive(void) {
    for (int i = 0; i < options.senders; i++) {
        Conn *c = &conns[i];
        if (c->inflight && now - c->last_own > STALL_US) {
            if (measuring) lost += (uint64_t)c->inflight;
            c->inflight = 0;
            c->last_own = now;
            top_up(c);
        }
    }
}

static void next_of_sender(Conn *c) {
    if (c->index < options.senders && c->inflight < options.inflight) top_up(c);
}

static void flow_until(uint64_t end) {
    while ((now = clock_us()) < end) {
        uint64_t left = (end - now) / 1000 + 1;
        turn(left < 200 ? (int)left : 200, next_of_sender);
        revive();
    }
}

static void open_loop_until(uint64_t start, uint64_t end, uint64_t *sent, int timer) {
    for (;;) {
        now = clock_us();
        uint64_t due;
        while ((due = start + (uint64_t)((double)*sent * 1e6 / options.rate)) <= now && due < end) {
            Conn *c = &conns[(*sent)++ % (uint64_t)options.senders];
            if (c->state == LIVE) {
                put_send(c, due);
                flush(c);
            }
        }
        if (now >= end) return;
        uint64_t wait = due - now ? due - now : 1;
        struct itimerspec at = {.it_value = {.tv_sec = (time_t)(wait / 1000000), .tv_nsec = (long)(wait % 1000000) * 1000}};
        timerfd_settime(timer, 0, &at, NULL);
        turn(200, NULL);
    }
}

static void flow(void) {
    set_up(options.conns);
    connect_all(0, options.conns, 120);
    uint64_t start = clock_us(), warm = start + (uint64_t)(options.warm_s * 1e6), end = warm + (uint64_t)(options.time_s * 1e6);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u32 = UINT32_MAX};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer, &event);
    uint64_t sent = 0;
    now = start;
    if (options.rate > 0) {
        open_loop_until(start, warm, &sent, timer);
    } else {
        for (int i = 0; i < options.senders; i++) {
            conns[i].last_own = start;
            top_up(&conns[i]);
        }
        flow_until(warm);
    }
    measuring = true;
    puts(""); /* it begins: whoever reads may look at the server now */
    fflush(stdout);
    double cpu = cpu_s();
    uint64_t from = clock_us();
    if (options.rate > 0) open_loop_until(start, end, &sent, timer);
    else flow_until(end);
    double took = (double)(clock_us() - from) / 1e6;
    cpu = (cpu_s() - cpu) / took;
    measuring = false;
    printf("{\"own_per_s\": %.1f, \"deliveries_per_s\": %.1f, \"frames_per_s\": %.1f", (double)own / took,
           (double)deliveries / took, (double)frames / took);
    print_histogram("own", &own_times);
    print_histogram("delivery", &delivery_times);
    print_end(cpu);
}

static void idle(void) {
    set_up(options.conns);
    double cpu = cpu_s(), took = connect_all(0, options.conns, 120);
    printf("{\"joined\": %d, \"accepted_per_s\": %.1f", live, options.conns / took);
    print_end((cpu_s() - cpu) / took);
    getchar();
}

static void publish(Conn *c, int count) {
    int rest = count;
    c->got = c->inflight = 0;
    uint64_t end = clock_us() + 60000000;
    while (rest || c->inflight) {
        while (rest && c->inflight < 16) {
            put_send(c, clock_us());
            rest--;
        }
        flush(c);
        turn(100, NULL);
        if (now > end || c->state != LIVE) die("%d messages were not published: %s", rest + c->inflight, first_error);
    }
}

/* Comes again where the server asked to be asked later, as clients do. What was waited counts. */
static void come_again(void) {
    for (int i = 0; i < options.conns; i++) {
        Conn *c = &conns[i];
        if (!c->again || c->again > now) continue;
        c->again = 0;
        uint64_t began = c->began;
        if (c->state == JOINING) join(c);
        else if (c->state == GONE) begin(c);
        c->began = began;
    }
}

/* All drop, one says what they miss, all come back at once with the cursor they had. */
static void herd(void) {
    int count = options.conns;
    set_up(count + 1);
    connect_all(0, count, 120);
    connect_all(count, count + 1, 10);
    int64_t cursor = (int64_t)conns[count].last_id;
    for (int i = 0; i < count; i++) gone(&conns[i]);
    publish(&conns[count], options.missed);
    turn_for(options.settle_s, NULL);
    caught_up = 0;
    memset(&spans, 0, sizeof spans);
    double cpu = cpu_s();
    uint64_t start = clock_us();
    retrying = true;
    for (int i = 0; i < count; i++) {
        conns[i].after = cursor;
        begin(&conns[i]);
    }
    while (caught_up + failed < count && clock_us() - start < 30000000) {
        turn(100, NULL);
        come_again();
    }
    double took = (double)(clock_us() - start) / 1e6;
    if (caught_up < count) die("only %d of %d caught up in %.0f s: %s", caught_up, count, took, first_error);
    printf("{\"all_ms\": %.1f, \"caught_up\": %d", took * 1000, caught_up);
    print_histogram("each", &spans);
    print_end((cpu_s() - cpu) / took);
}

/* One after the other connects with a cursor and goes when it has what it missed. */
static void catch_up(void) {
    set_up(2);
    int64_t cursor = 0;
    if (!options.cursors) {
        connect_all(0, 1, 10);
        cursor = (int64_t)conns[0].last_id;
        publish(&conns[0], options.missed);
    }
    FILE *file = options.cursors ? fopen(options.cursors, "r") : NULL;
    memset(&spans, 0, sizeof spans);
    uint64_t end = clock_us() + (uint64_t)(options.time_s * 1e6), from = clock_us();
    double cpu = cpu_s();
    Conn *c = &conns[1];
    int done = 0;
    while ((now = clock_us()) < end) {
        long long after = cursor;
        if (file && fscanf(file, "%d %lld", &c->room, &after) != 2) {
            rewind(file);
            continue;
        }
        if (!file) c->room = conns[0].room;
        c->after = after;
        caught_up = 0;
        begin(c);
        uint64_t limit = clock_us() + 10000000;
        while (!caught_up && !failed && now < limit) turn(1000, NULL);
        if (!caught_up) die("only %d messages came: %s", c->got, first_error);
        done++;
        live--;
        gone(c);
        if (options.pace_us) turn_for(options.pace_us / 1e6, NULL);
    }
    double took = (double)(clock_us() - from) / 1e6;
    printf("{\"connects\": %d", done);
    print_histogram("each", &spans);
    print_end((cpu_s() - cpu) / took);
}

/* Parks polls, says one message, waits for the last answer. */
static void polls(void) {
    int count = options.conns;
    set_up(count + 1);
    Conn *sender = &conns[count];
    sender->room = options.first_room;
    connect_all(count, count + 1, 10);
    int room = sender->room;
    for (int i = 0; i < count; i++) {
        conns[i].after = (int64_t)sender->last_id;
        conns[i].room = -1;
    }
    char path[1024], poll[1024];
    snprintf(poll, sizeof poll, "%s", options.poll);
    path[fill(path, poll, room, conns[0].after, "")] = 0;
    options.poll = path;
    for (int i = 0; i < count;) {
        for (int k = 0; k < options.connecting && i < count; k++) begin(&conns[i++]);
        turn_for(0.05, NULL);
    }
    turn_for(options.settle_s, NULL);
    if (early || failed) die("%d polls ended early, %d failed: %s", early, failed, first_error);
    memset(&spans, 0, sizeof spans);
    measuring = true;
    double cpu = cpu_s();
    uint64_t start = clock_us();
    put_send(sender, start);
    flush(sender);
    while (answered + failed < count && clock_us() - start < 30000000) turn(100, NULL);
    double took = (double)(clock_us() - start) / 1e6;
    printf("{\"all_ms\": %.3f, \"answered\": %d", took * 1000, answered);
    print_end((cpu_s() - cpu) / took);
}

static void read_tokens(void) {
    if (!options.tokens) return;
    FILE *file = fopen(options.tokens, "r");
    if (!file) die("%s: %s", options.tokens, strerror(errno));
    char line[256];
    while (fscanf(file, "%255s", line) == 1) {
        tokens = realloc(tokens, sizeof *tokens * (size_t)(token_count + 1));
        tokens[token_count++] = strdup(line);
    }
    fclose(file);
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (!equals) die("NAME=VALUE, not %s", argv[i]);
        const char *value = equals + 1;
        *equals = 0;
        const char *name = argv[i];
#define TEXT(field) else if (!strcmp(name, #field)) options.field = value
#define INTEGER(field) else if (!strcmp(name, #field)) options.field = atoi(value)
#define REAL(field) else if (!strcmp(name, #field)) options.field = atof(value)
        if (false) {}
        TEXT(mode); TEXT(path); TEXT(join); TEXT(join_after); TEXT(send); TEXT(poll); TEXT(tokens); TEXT(cursors); TEXT(body);
        INTEGER(port); INTEGER(conns); INTEGER(rooms); INTEGER(senders); INTEGER(inflight); INTEGER(connecting);
        INTEGER(missed); INTEGER(pace_us); INTEGER(first_room); REAL(rate); REAL(warm_s); REAL(time_s); REAL(settle_s);
        else die("there is no option %s", name);
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    run_id = (uint32_t)(clock_us() * 2654435761u) ^ (uint32_t)getpid();
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    read_tokens();
    if (!strcmp(options.mode, "flow")) flow();
    else if (!strcmp(options.mode, "idle")) idle();
    else if (!strcmp(options.mode, "herd")) herd();
    else if (!strcmp(options.mode, "catch_up")) catch_up();
    else if (!strcmp(options.mode, "polls")) polls();
    else die("there is no mode %s", options.mode);
    return 0;
}
