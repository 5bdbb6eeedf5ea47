// The peer of benchmarks/http_vs_express: the same two requests on Express 4 and better-sqlite3, tuned.
//
//   node express.js DATABASE STATEMENTS SECRET [--group-commit]      prints "listening PORT"
//
// STATEMENTS is the SQL that our server ran for the same requests, by name. Tuned means: a KeyObject
// secret (a string costs 40 times as much to verify with), prepared statements, rows as arrays, WAL with
// synchronous=FULL and our cache sizes, no ETag, no query parser, JSON body parser on the one route that
// has a body, pino as logger. A create is one synchronous commit, as it is with better-sqlite3; with
// --group-commit, which nobody's Express has, all creates of one turn of the loop are one transaction.
'use strict';
const { bearer, createCall, dashboard, identity, key, Problem, problem, requestId, securityHeaders } = require('./calls.js');
const express = require('express');
const jwt = require('jsonwebtoken');

const app = express();
app.disable('x-powered-by');
app.disable('etag');
app.set('query parser', false);

app.use((request, response, next) => {
  request.id = requestId(request.headers);
  response.set(securityHeaders);
  response.set('X-Request-Id', request.id);
  const token = bearer(request.headers);
  let claims;
  try {
    claims = jwt.verify(token, key, { algorithms: ['HS256'] });
  } catch {
    throw new Problem(401, 'invalid_token', 'the token is not valid');
  }
  request.who = identity(claims);
  next();
});

app.get('/api/calls-dashboard', (request, response) => {
  const query = new URLSearchParams(request.url.slice(request.url.indexOf('?') + 1));
  response.json(dashboard(request.who.org, query));
});

app.post('/api/calls', express.json({ limit: '1mb' }), (request, response, next) => {
  createCall(request.who, request.body, (body) => response.json(body), next);
});

app.use((error, request, response, _next) => {
  const [status, body] = problem(error, request.id);
  response.status(status).json(body);
});

const server = app.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
server.keepAliveTimeout = 60_000;
process.on('SIGTERM', () => process.exit(0));
