// Sentry's own receiver for development, Spotlight's sidecar, on a free port; each item that comes is
// printed as one line of JSON, read by Sentry's own envelope parser.
import { createServer } from "node:net";
import { parseEnvelope } from "@sentry/core";
import { setupSidecar } from "@spotlightjs/sidecar";

const free = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

const port = await free();
setupSidecar({
  port,
  isStandalone: true,
  incomingPayload: (bytes) => {
    const [envelope, items] = parseEnvelope(Buffer.from(bytes, "binary"));
    for (const [head, content] of items) {
      // An item that says its length is given as bytes.
      const body = content instanceof Uint8Array ? JSON.parse(Buffer.from(content).toString()) : content;
      console.log(`item ${JSON.stringify({ envelope, head, body })}`);
    }
  },
});
for (;;) {
  const well = await fetch(`http://localhost:${port}/health`).then((answer) => answer.ok, () => false);
  if (well) break;
  await new Promise((resolve) => setTimeout(resolve, 50));
}
console.log(`sidecar ${port}`);
