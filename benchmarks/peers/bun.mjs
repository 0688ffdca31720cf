// A chat as Bun's documentation ("WebSockets", "Pub/Sub", "SQL") has it. PORT, DATABASE_URL, POOL.
import { serve, SQL } from "bun";

const sql = new SQL({ url: process.env.DATABASE_URL, max: Number(process.env.POOL ?? 10) });
const polls = new Map(); // room -> [resolve]
const encode = (row) => JSON.stringify({ type: "message", ...row, id: Number(row.id) });

async function after(room, cursor) {
  const rows = await sql`
    SELECT id, room, author, body, created_at, nonce FROM messages
    WHERE room = ${room} AND id > ${cursor} ORDER BY id LIMIT 1000`;
  return rows.map(encode);
}

async function lastId(room) {
  const [row] = await sql`SELECT id FROM messages WHERE room = ${room} ORDER BY id DESC LIMIT 1`;
  return Number(row?.id ?? 0);
}

async function save({ room, body, nonce }, author) {
  const [row] = await sql`
    INSERT INTO messages (room, author, body, nonce) VALUES (${room}, ${author}, ${body}, ${nonce})
    RETURNING id, room, author, body, created_at, nonce`;
  const data = encode(row);
  server.publish(room, data);
  for (const resolve of polls.get(room) ?? []) resolve(data);
  polls.delete(room);
}

async function poll(url) {
  const room = url.searchParams.get("room");
  const missed = await after(room, url.searchParams.get("after"));
  if (missed.length) return new Response(`[${missed}]`, { headers: { "Content-Type": "application/json" } });
  if (!polls.has(room)) polls.set(room, []);
  const data = await new Promise((resolve) => polls.get(room).push(resolve));
  return new Response(`[${data}]`, { headers: { "Content-Type": "application/json" } });
}

let authors = 0;
const server = serve({
  port: Number(process.env.PORT),
  hostname: "127.0.0.1",
  idleTimeout: 60,
  fetch(request, server) {
    const url = new URL(request.url);
    if (url.pathname === "/poll") return poll(url);
    if (server.upgrade(request, { data: { author: ++authors } })) return undefined;
    return new Response("Upgrade failed", { status: 500 });
  },
  websocket: {
    async message(socket, text) {
      const command = JSON.parse(text);
      if (command.type === "send") return save(command, socket.data.author);
      const { room, after: cursor } = command;
      socket.subscribe(room);
      socket.send(JSON.stringify({ type: "joined", room, last_id: cursor ?? (await lastId(room)) }));
      if (cursor !== undefined) for (const message of await after(room, cursor)) socket.send(message);
    },
  },
});
