// The same two requests on Fastify 4 and better-sqlite3, tuned: tokens verified by fast-jwt, which remembers
// those it has seen; query strings left to URLSearchParams as with Express; what answers look like declared,
// so that fast-json-stringify writes them.
//
//   node fastify.js DATABASE STATEMENTS SECRET [--group-commit]      prints "listening PORT"
'use strict';
const { bearer, createCall, dashboard, identity, Problem, problem, requestId, secret, securityHeaders } = require('./calls.js');
const { createVerifier } = require('fast-jwt');
const fastify = require('fastify');

const verify = createVerifier({ key: secret, algorithms: ['HS256'], cache: 1000 });
const app = fastify({ logger: false, bodyLimit: 1024 * 1024, keepAliveTimeout: 60_000, exposeHeadRoutes: false,
  querystringParser: (text) => new URLSearchParams(text) });
const headers = Object.entries(securityHeaders);

app.decorateRequest('who', null);
app.addHook('onRequest', (request, reply, done) => {
  const id = requestId(request.headers);
  request.raw.id = id;
  for (const [name, value] of headers) reply.header(name, value);
  reply.header('X-Request-Id', id);
  const token = bearer(request.headers);
  let claims;
  try {
    claims = verify(token);
  } catch {
    return done(new Problem(401, 'invalid_token', 'the token is not valid'));
  }
  request.who = identity(claims);
  done();
});

const text = { type: ['string', 'null'] }, number = { type: ['number', 'null'] }, flag = { type: 'boolean' };
const sure = { type: 'string' };
const call = {
  type: 'object',
  properties: {
    id: sure, orgId: sure, assistantId: text, phoneNumberId: text, direction: sure, channel: sure, status: sure,
    endedReason: text, customer: { type: 'object', properties: { number: text, name: text } }, contactId: text,
    createdAt: text, startedAt: text, answeredAt: text, endedAt: text, duration: number, costCents: number,
    hasRecording: flag, recordingStatus: sure, hasTranscript: flag, summary: text, outcome: text,
    sentiment: { type: 'object', properties: { label: text, score: number } }, toolsUsed: { type: 'array', items: sure },
    appointmentId: text, isTest: flag, metadata: { type: 'object', additionalProperties: true },
  },
};
const pagination = { type: 'object', properties: { page: number, limit: number, total: number, pages: number, nextCursor: text } };
const pageAnswer = { type: 'object', properties: { calls: { type: 'array', items: call }, pagination } };

app.get('/api/calls-dashboard', { schema: { response: { 200: pageAnswer } } }, (request, reply) => {
  reply.send(dashboard(request.who.org, request.query));
});

app.post('/api/calls', { schema: { response: { 200: call } } }, (request, reply) => {
  createCall(request.who, request.body, (body) => reply.send(body), (error) => reply.send(error));
});

app.setErrorHandler((error, request, reply) => {
  const [status, body] = problem(error, request.raw.id);
  reply.status(status).send(body);
});

app.listen({ port: 0, host: '127.0.0.1' }).then(() => console.log(`listening ${app.server.address().port}`));
process.on('SIGTERM', () => process.exit(0));
