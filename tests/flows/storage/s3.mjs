// An S3 service (s3rver) behind a door that checks each signature with AWS's own signer, since s3rver
// does not: node s3.mjs DIRECTORY [PORT]. Says "s3 PORT" when it serves, "refused …" for what it refuses.
import { createHash } from "node:crypto";
import { createServer, request as ask } from "node:http";
import { Sha256 } from "@aws-crypto/sha256-js";
import { SignatureV4 } from "@smithy/signature-v4";
import S3rver from "s3rver";

const [directory, port = "0"] = process.argv.slice(2);
const region = "eu-west-1";
const credentials = { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" };
const signer = new SignatureV4({ service: "s3", region, credentials, sha256: Sha256, uriEscapePath: false, applyChecksum: false });

const inner = new S3rver({
  address: "127.0.0.1",
  port: 0,
  silent: true,
  directory,
  configureBuckets: [{ name: "calls" }],
});
const { port: innerPort } = await inner.run();

const dateOf = (text) => new Date(text.replace(/^(....)(..)(..T..)(..)(..Z)$/, "$1-$2-$3:$4:$5"));
const queryOf = (url) => Object.fromEntries(url.searchParams);

// Why it would be refused; nothing when it is as it should be.
async function complaint({ method, headers, url }, body) {
  const target = new URL(url, `http://${headers.host}`);
  const plain = { method, protocol: "http:", hostname: target.hostname, path: target.pathname, query: queryOf(target) };
  if (target.searchParams.has("X-Amz-Signature")) {
    const { "X-Amz-Signature": signature, "X-Amz-Date": date, "X-Amz-Expires": expires, ...query } = plain.query;
    for (const name of Object.keys(query)) if (name.startsWith("X-Amz-")) delete query[name];
    if (Date.now() > dateOf(date).getTime() + 1000 * Number(expires)) return ["AccessDenied", "it has expired"];
    const signed = await signer.presign(
      { ...plain, query, headers: { host: headers.host, "x-amz-content-sha256": "UNSIGNED-PAYLOAD" } },
      {
        signingDate: dateOf(date),
        expiresIn: Number(expires),
        unsignableHeaders: new Set(["x-amz-content-sha256"]),
        unhoistableHeaders: new Set(["x-amz-content-sha256"]),
      },
    );
    if (signed.query["X-Amz-Signature"] !== signature) return ["SignatureDoesNotMatch", "its signature is another"];
    return;
  }
  const given = headers.authorization ?? "";
  const names = /SignedHeaders=([^,]+)/.exec(given)?.[1].split(";") ?? [];
  if (!given.includes(`Credential=${credentials.accessKeyId}/`)) return ["InvalidAccessKeyId", "whose key is that"];
  const signed = await signer.sign(
    { ...plain, headers: Object.fromEntries(names.map((name) => [name, headers[name]])), body },
    { signingDate: dateOf(headers["x-amz-date"] ?? "") },
  );
  const signature = (text) => /Signature=([0-9a-f]{64})$/.exec(text)?.[1];
  if (signature(signed.headers.authorization) !== signature(given)) return ["SignatureDoesNotMatch", "its signature is another"];
  if (headers["x-amz-content-sha256"] !== createHash("sha256").update(body).digest("hex"))
    return ["XAmzContentSHA256Mismatch", "the body is another"];
  if (headers["content-md5"] && headers["content-md5"] !== createHash("md5").update(body).digest("base64"))
    return ["BadDigest", "the body is another"];
}

const door = createServer(async (incoming, outgoing) => {
  const pieces = [];
  for await (const piece of incoming) pieces.push(piece);
  const body = Buffer.concat(pieces);
  const refused = await complaint(incoming, body).catch((error) => ["InvalidRequest", String(error)]);
  if (refused) {
    console.log(`refused ${incoming.method} ${incoming.url.split("?")[0]}: ${refused.join(" ")}`);
    outgoing.writeHead(403, { "content-type": "application/xml" });
    outgoing.end(`<Error><Code>${refused[0]}</Code></Error>`);
    return;
  }
  const { method, url, headers } = incoming;
  const through = ask({ host: "127.0.0.1", port: innerPort, method, path: url, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode, answer.headers);
    answer.pipe(outgoing);
  });
  through.on("error", () => outgoing.destroy());
  through.end(body);
});
door.listen(Number(port), "127.0.0.1", () => console.log(`s3 ${door.address().port}`));
