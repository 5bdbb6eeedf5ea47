// A receiver of webhooks with faults on demand. It verifies with the specification's own library and prints
// a line of JSON for each request.
//
//   POST /hook/NAME                                 what is sent to it
//   PUT  /hook/NAME  {"mode": …, "secrets": […]}    how it behaves from now on
//
// Modes: ok, error (500), hanging (never answers), redirect, endless (an answer without end), closing.
import http from "node:http";
import { Webhook } from "standardwebhooks";

const hooks = new Map();
const hookOf = (name) => {
  if (!hooks.has(name)) hooks.set(name, { mode: "ok", secrets: [] });
  return hooks.get(name);
};

function verifies(secret, body, headers) {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
}

const server = http.createServer(async (request, response) => {
  const name = request.url.split("/").pop();
  let body = "";
  for await (const chunk of request) body += chunk;
  const hook = hookOf(name);
  if (request.method === "PUT") {
    Object.assign(hook, JSON.parse(body));
    response.end("{}");
    return;
  }
  const event = JSON.parse(body);
  const verified = hook.secrets.map((secret) => verifies(secret, body, request.headers));
  console.log(JSON.stringify({ hook: name, mode: hook.mode, id: request.headers["webhook-id"], type: event.type, verified, data: event.data }));
  if (hook.mode === "ok") response.end("thank you");
  else if (hook.mode === "error") response.writeHead(500).end();
  else if (hook.mode === "redirect") response.writeHead(302, { location: "/hook/elsewhere" }).end();
  else if (hook.mode === "closing") request.socket.destroy();
  else if (hook.mode === "endless") {
    const more = () => { while (!response.destroyed && response.write("x".repeat(65536))); };
    response.on("drain", more);
    more();
  }
});
server.listen(0, "127.0.0.1", () => console.log("listening " + server.address().port));
