// A chat as the documentation of `ws` ("Server broadcast") and `pg` ("Pooling") has it. PORT, DATABASE_URL, POOL.
import { createServer } from "node:http";
import pg from "pg";
import { WebSocket, WebSocketServer } from "ws";

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: Number(process.env.POOL ?? 10) });
const rooms = new Map(); // name -> { sockets, polls }

function roomOf(name) {
  let room = rooms.get(name);
  if (!room) rooms.set(name, (room = { sockets: new Set(), polls: new Set() }));
  return room;
}

const encode = (row) => JSON.stringify({ type: "message", ...row, id: Number(row.id) });

async function after(name, cursor) {
  const found = await pool.query(
    "SELECT id, room, author, body, created_at, nonce FROM messages WHERE room = $1 AND id > $2 ORDER BY id LIMIT 1000",
    [name, cursor],
  );
  return found.rows.map(encode);
}

async function lastId(name) {
  const found = await pool.query("SELECT id FROM messages WHERE room = $1 ORDER BY id DESC LIMIT 1", [name]);
  return Number(found.rows[0]?.id ?? 0);
}

async function save({ room, body, nonce }, author) {
  const saved = await pool.query(
    "INSERT INTO messages (room, author, body, nonce) VALUES ($1, $2, $3, $4) RETURNING id, room, author, body, created_at, nonce",
    [room, author, body, nonce],
  );
  const data = encode(saved.rows[0]);
  const { sockets, polls } = roomOf(room);
  for (const socket of sockets) if (socket.readyState === WebSocket.OPEN) socket.send(data);
  for (const answer of polls) answer(data);
  polls.clear();
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url, "http://localhost");
  const room = url.searchParams.get("room");
  const answer = (text) => response.setHeader("Content-Type", "application/json").end(text);
  const missed = await after(room, url.searchParams.get("after"));
  if (missed.length) answer(`[${missed}]`);
  else roomOf(room).polls.add((data) => answer(`[${data}]`));
});

const sockets = new WebSocketServer({ server });
let authors = 0;

sockets.on("connection", (socket) => {
  const author = ++authors;
  const joined = new Set();
  socket.on("error", console.error);
  socket.on("close", () => joined.forEach((name) => roomOf(name).sockets.delete(socket)));
  socket.on("message", async (data) => {
    const command = JSON.parse(data);
    if (command.type === "send") return save(command, author);
    const { room, after: cursor } = command;
    joined.add(room);
    roomOf(room).sockets.add(socket);
    socket.send(JSON.stringify({ type: "joined", room, last_id: cursor ?? (await lastId(room)) }));
    if (cursor !== undefined) for (const message of await after(room, cursor)) socket.send(message);
  });
});

server.listen(Number(process.env.PORT), "127.0.0.1");
