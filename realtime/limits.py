"""Every bound of the realtime service, with its unit in its name. A class for each part that keeps to it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before something that failed is tried again: doubled from the first to the longest."""

    first_s: float = 0.1
    longest_s: float = 2.0


@dataclass(frozen=True, slots=True)
class HubLimits:
    """What a feed may hold and how hard the hub may use the database.

    A tail keeps at most `tail_messages` and `tail_bytes`. What is new is offered to `offers_at_once`
    subscriptions in a turn of the reactor. Gaps are read `gap_messages` at a time. What is
    read for one that is behind is given `page_bytes` at a time, or one message that is larger. At most
    `feed_reads` reads of feeds and `reader_reads` reads of subscriptions run at once, in all rooms. A
    read is shared by those who want the same within `share_s` of its beginning. A feed remembers what
    `standings` readers may do, for when they come back; without subscribers it is dropped after `idle_s`.
    """

    tail_messages: int = 512
    tail_bytes: int = 262_144
    offers_at_once: int = 200
    gap_messages: int = 200
    page_bytes: int = 262_144
    feed_reads: int = 8
    reader_reads: int = 8
    share_s: float = 0.25
    standings: int = 4_096
    idle_s: float = 60.0
    backoff: Backoff = Backoff()


@dataclass(frozen=True, slots=True)
class WriterLimits:
    """How much may wait to be written, how much goes into one commit, and how long a sender waits.

    Senders are owed an answer within five seconds; `patience_s` leaves room for the way there and back.
    A room that somebody else holds is tried again after `busy_s`; one found held twice is tried
    alone, waiting for its lock, at most once in `alone_s`.
    """

    queue_drafts: int = 2_000
    queue_bytes: int = 16_777_216
    batch_drafts: int = 512
    batch_bytes: int = 1_048_576
    patience_s: float = 4.5
    busy_s: float = 0.02
    alone_s: float = 0.5
    backoff: Backoff = Backoff(first_s=0.1, longest_s=1.0)


@dataclass(frozen=True, slots=True)
class DatabaseLimits:
    """How long a call may take in its thread, and how many may wait for one."""

    write_s: float = 4.5
    read_s: float = 4.5
    notify_s: float = 5.0
    waiting_calls: int = 1_000


@dataclass(frozen=True, slots=True)
class IdentityLimits:
    """How long, and for how many, it is remembered who a credential is; how many are asked about at once."""

    keep_s: float = 5.0
    keep_credentials: int = 10_000
    at_once: int = 500


@dataclass(frozen=True, slots=True)
class StaticLimits:
    """The largest text file that is compressed, and how much is kept of what was.

    All of this project's and Django's admin's weigh about 2 MB, as they are and compressed.
    """

    packed_file_bytes: int = 2_097_152
    packed_bytes: int = 16_777_216


@dataclass(frozen=True, slots=True)
class SendLimits:
    """Of how many users, and of how many addresses, it is remembered how fast they send."""

    buckets: int = 20_000


@dataclass(frozen=True, slots=True)
class GatheringLimits:
    """How many are asked about in one question, and how long one waits for the question before it to end."""

    at_once: int = 500
    patience_s: float = 0.25


@dataclass(frozen=True, slots=True)
class PollLimits:
    """How often the database is asked what no hint told, and who is still who they were. 0: never."""

    heads_s: float = 0.75
    credentials_s: float = 5.0


@dataclass(frozen=True, slots=True)
class IndexingLimits:
    """How far the index of words is behind the log, and how soon it is tried again where that fails."""

    behind_s: float = 1.0
    backoff: Backoff = Backoff()


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What a request may hold and how long it may take to come in.

    `receive_s` runs from a request's first byte to its last and does not begin anew in between; an idle
    connection is closed after `idle_s`. After a refusal in the middle of a request, what still comes in
    is thrown away for `linger_s`, so that the client gets to read why. At most `turned_away` connections of
    those that are too many hear so; the others are closed. A server that stops waits `fresh_s` for the
    request of who connected just now. Whoever takes nothing of an answer for `stall_s` is cut off. A
    connection ends whose silent peer does not answer the kernel for `vanished_s`; a stream finds it out by
    the comments that it sends. Beside a large answer at most `unsent_bytes` are held of those that nobody
    takes, and `unsent_bytes_of_address` for one address, where those are counted.
    """

    headers: int = 100
    header_bytes: int = 16_384
    api_body_bytes: int = 65_536
    receive_s: float = 60.0
    idle_s: float = 75.0
    linger_s: float = 2.0
    fresh_s: float = 0.5
    stall_s: float = 60.0
    unsent_bytes: int = 268_435_456
    unsent_bytes_of_address: int = 33_554_432
    vanished_s: int = 28
    turned_away: int = 256
    ready_s: float = 3.0


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """How many bodies of uploads are on their way in, each a file on disk, and how slow they may be.

    A body has a second more than any other request for each `least_bytes_s` of it.
    """

    at_once: int = 64
    at_once_of_address: int = 16
    least_bytes_s: int = 32_768


@dataclass(frozen=True, slots=True)
class FileLimits:
    """How many uploads wait to be verified and stored, and how many files are sent; in pieces of what size.

    Whoever does not take a piece within `piece_s` makes place. A picture may take 400 MB while it is
    verified, a WebP 900 MB, in each of `preparing_threads`.
    """

    uploads: int = 64
    downloads: int = 512
    piece_bytes: int = 65_536
    piece_s: float = 300.0
    preparing_threads: int = 2
    carrying_threads: int = 4


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """What a WebSocket may send, and when it is given up.

    A peer that was not heard of for `ping_s` is asked, and dropped where nothing comes for another
    `pong_s`. Whoever takes nothing of what waits for it for `stall_s` is closed. After a close frame the
    peer has `close_s` to answer. While `waiting_commands` wait for a join, or `unsettled` sends for their
    commit, nothing more is read. `bad_frames` in a row end the connection.
    """

    in_bytes: int = 65_536
    out_bytes: int = 262_144
    ping_s: float = 30.0
    pong_s: float = 15.0
    stall_s: float = 60.0
    close_s: float = 3.0
    waiting_commands: int = 64
    unsettled: int = 256
    bad_frames: int = 20
    joins: int = 500


@dataclass(frozen=True, slots=True)
class MarkerLimits:
    """How often a connection has the same room's marker stored, and in how many rooms within that time."""

    pause_s: float = 1.0
    rooms: int = 100


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """How often an event stream says that it is alive."""

    comment_s: float = 15.0
    retry_ms: int = 2_000


@dataclass(frozen=True, slots=True)
class NoticeLimits:
    """How much may wait to be told to other processes, and the pauses after a failure and a success."""

    items: int = 10_000
    pause_s: float = 1.0
    rest_s: float = 0.01


@dataclass(frozen=True, slots=True)
class ListenerLimits:
    """How often the listener must hear its own process, and how long it waits before it connects again."""

    hear_s: float = 5.0
    backoff: Backoff = Backoff(first_s=0.25, longest_s=5.0)


@dataclass(frozen=True, slots=True)
class PresenceLimits:
    """How much is told of who is in a room, and how often.

    Whatever happens in a room, its people hear of it at most once in `pause_s`, and for each of them by this
    process once in `pause_member_s` more. At most `listed` are listed; in a room with more than `crowd`
    connections by this process, `listed_in_crowd`. Somebody types anew after `typing_s`, at most
    `typists` at a time. A process that was not heard of for `silent_s` is taken for dead; that is looked for
    every `sweep_s`, so that it takes less than 15 s.
    """

    pause_s: float = 1.0
    pause_member_s: float = 0.005
    listed: int = 200
    crowd: int = 500
    listed_in_crowd: int = 20
    typing_s: float = 2.0
    typists: int = 5
    rooms: int = 10_000
    processes: int = 64
    silent_s: float = 12.0
    sweep_s: float = 1.0


@dataclass(frozen=True, slots=True)
class StopLimits:
    """How long each step of a stop may take; together less than the ten seconds that operators are told."""

    write_s: float = 3.5
    farewell_s: float = 1.5
    notices_s: float = 0.75
    threads_s: float = 2.0


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """How long a worker may take to get ready and to end, and how fast one that dies is started again.

    The pause before that is short again once a worker lived for `settled_s`. After `failed_starts` with
    nobody ever ready the parent gives up. `stop_s` is above a worker's own bounds, and lets the parent
    end within ten seconds.
    """

    start_s: float = 60.0
    stop_s: float = 8.25
    settled_s: float = 10.0
    failed_starts: int = 3
    backoff: Backoff = Backoff(first_s=0.1, longest_s=5.0)
