// The peer of benchmarks/sockets_bench: live events on npm's ws, tuned.
//
//   node server.js SECRET      prints "listening PORT"
//
// Does what our hub does for a listener: a subscribe message with an HS256 token within 5 s (else 1008),
// pings every 20 s and the end after two unanswered ones, 1013 for who is a megabyte behind; an event of the
// same size to everybody on POST /publish. Tuned means: no compression, no UTF-8 check of our own frames,
// one timer for all heartbeats, a KeyObject secret, tokens remembered, and the event's frame made once and
// shared by all sockets, which ws offers only underneath.
'use strict';
process.env.NODE_ENV = 'production';

const { createHmac, createSecretKey, timingSafeEqual } = require('node:crypto');
const http = require('node:http');
const { WebSocketServer, Sender } = require('ws');

const key = createSecretKey(Buffer.from(process.argv[2]));
const known = new Map();
const epoch = 'e0e0e0e0e0e0e0e0';
let seq = 0;

function organizationOf(token) {
  const remembered = known.get(token);
  if (remembered) return remembered.exp > Date.now() / 1000 ? remembered.org : null;
  const [header, payload, signature] = token.split('.');
  const made = createHmac('sha256', key).update(`${header}.${payload}`).digest();
  const given = Buffer.from(signature ?? '', 'base64url');
  if (made.length !== given.length || !timingSafeEqual(made, given)) return null;
  const claims = JSON.parse(Buffer.from(payload, 'base64url'));
  if (!(claims.exp > Date.now() / 1000)) return null;
  known.set(token, { org: claims.app_metadata.org_id, exp: claims.exp });
  return claims.app_metadata.org_id;
}

const server = http.createServer((request, response) => {
  if (request.method !== 'POST' || request.url !== '/publish') return response.writeHead(404).end();
  const event = JSON.stringify({ type: 'knowledge.updated', seq: ++seq, at: new Date().toISOString(), callId: null,
    data: { documentId: 'doc_01JDQ8Z6YB3M2N4P5R6S7T8V9W', erased: false } });
  const frame = Sender.frame(Buffer.from(event), { fin: true, rsv1: false, opcode: 1, mask: false, readOnly: true });
  for (const socket of sockets.clients) {
    if (!socket.org) continue;
    if (socket.bufferedAmount > 1024 * 1024) socket.close(1013);
    else socket._sender.sendFrame(frame);
  }
  response.writeHead(200).end();
});
server.keepAliveTimeout = 60_000;

const sockets = new WebSocketServer({ server, path: '/ws/live-calls', perMessageDeflate: false, maxPayload: 64 * 1024,
  skipUTF8Validation: true });
sockets.on('connection', (socket) => {
  socket.org = null;
  socket.unanswered = 0;
  socket.deadline = setTimeout(() => socket.close(1008), 5_000);
  socket.on('error', () => {});
  socket.on('pong', () => (socket.unanswered = 0));
  socket.on('close', () => clearTimeout(socket.deadline));
  socket.on('message', (data) => {
    const message = JSON.parse(data);
    const org = message.type === 'subscribe' ? organizationOf(message.token ?? '') : null;
    if (!org) return socket.close(1008);
    clearTimeout(socket.deadline);
    socket.deadline = null;
    socket.org = org;
    socket.send(JSON.stringify({ type: 'subscribed', orgId: org, epoch, seq }));
  });
});
setInterval(() => {
  for (const socket of sockets.clients) {
    if (socket.unanswered++ >= 2) socket.terminate();
    else socket.ping();
  }
}, 20_000);

server.listen(0, '127.0.0.1', 1024, () => console.log(`listening ${server.address().port}`));
