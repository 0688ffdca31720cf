"""Moves what has been committed to whoever is reading, over Twisted. No models.

No framework
    config      what the settings say, as one frozen value
    limits      every bound, with its unit
    errors      every refusal, with its status and code
    wire        bytes to commands, messages to bytes
    wire_bodies    bodies about messages
    wire_rooms  bodies about rooms and people, and the answers
    queries     query strings and form fields to checked values

The core, in the reactor's thread alone
    hub         feeds by room: attach a reader, publish what was committed
    feed        one room: publishes what joins on, reads the rest, asks permissions again
    surroundings    what all feeds have in common
    turns       a bound to how many reads run at once
    subscription    one reader's cursor
    tail        what a room holds in memory; batches that are rendered once
    flight      reads that several subscriptions share
    judgement   by which permissions subscribers were judged
    offering    gives what is new to a room's subscribers, some at a time
    standings   who was found to be allowed into a room, for when they come back
    writer      group commit
    held        rooms that somebody else holds
    identities  who a credential is, and whether it still holds
    epochs      which database this is
    poll        what no hint told of
    indexing    the index of words, which follows the log
    notices     what other processes are to hear
    listener    hears other processes
    hearsay     what they say, taken apart
    presence    who is in which room, and types there
    markers     how far people have read
    errand      work that is tried again; one line in the log for an outage
    gathering   one question for all who ask the same
    buckets     how fast people may send
    places      how many sockets, streams and polls may be open

Where threads begin
    database    the log, history, permissions and accounts as coroutines
    deadline    ends a PostgreSQL call in its own thread
    files       uploads verified and stored, files read, by the piece
    direct      LISTEN and NOTIFY on connections of their own

What is served
    client      one authenticated caller on a WebSocket
    joins       one room that such a caller has joined
    transports  WebSocket, Server-Sent Events, long poll, HTTP API
    static      files from staticfiles' finders
    packing     text made small: scripts shortened, all compressed, kept within a bound
    bundling    a page's modules in one file
    edition     addresses of static files that change with them
    at_once     bytes given to a socket as they are written, where nothing waits before them
    stall       whether a full connection takes anything at all
    unsent      how long that is waited for, and how much is held meanwhile
    vanished    whether a peer's host is still there
    departure   who must be told that the server stops
    uploads     how many bodies of files are on their way in, and how long they may take
    seats       how many connections may be open, in all and by address
    channel     one HTTP connection, and what bounds it
    request     what it asks, its body bounded
    target      the forms of what a request asks for
    handshake   what may become a WebSocket, and the answer to it
    framing     frames on an open WebSocket: autobahn's reading and checks
    pages       Django by WSGI, its answers no faster than they are taken
    site        which part answers which path

The processes
    service     puts all of it together, starts and stops it in order
    running     the reactor of one process, its signals, the way out
    descriptors  for how many connections there are any
    listening   endpoints; sockets that a parent opens and workers adopt
    parent      holds the sockets, starts the workers, passes signals on
    crew        the workers: who is started, replaced, killed, and when
    worker      a worker's side of that
    reload      a parent that starts the server anew when a file changes
    logs        Twisted's log as part of Python's
    apps, checks    what Django asks of an app
"""
