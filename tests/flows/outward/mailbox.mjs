// A mail server with faults on demand: takes what it is sent and prints a line of JSON for each mail.
//
//   node mailbox.mjs [plain|starttls|tls] [user password]       MAILBOX_KEY, MAILBOX_CERT: its identity
//
// Recipients: busy@… is refused for now (450) twice, nobody@… for good (550).
import { readFileSync } from "node:fs";
import { SMTPServer } from "smtp-server";

const [kind = "plain", user, password] = process.argv.slice(2);
const { MAILBOX_KEY, MAILBOX_CERT } = process.env;
const identity = MAILBOX_KEY ? { key: readFileSync(MAILBOX_KEY), cert: readFileSync(MAILBOX_CERT) } : {};
let busy = 2;
const server = new SMTPServer({
  ...identity,
  secure: kind === "tls",
  disabledCommands: kind === "plain" ? ["STARTTLS"].concat(user ? [] : ["AUTH"]) : user ? [] : ["AUTH"],
  allowInsecureAuth: kind === "plain",
  authOptional: !user,
  logger: false,
  onAuth(auth, session, done) {
    if (auth.username === user && auth.password === password) done(null, { user });
    else done(new Error("no"));
  },
  onRcptTo(address, session, done) {
    const refusal = (code) => Object.assign(new Error("refused"), { responseCode: code });
    if (address.address.startsWith("nobody@")) return done(refusal(550));
    if (address.address.startsWith("busy@") && busy-- > 0) {
      console.log(JSON.stringify({ refused: address.address }));
      return done(refusal(450));
    }
    done();
  },
  onData(stream, session, done) {
    let text = "";
    stream.on("data", (chunk) => (text += chunk));
    stream.on("end", () => {
      console.log(
        JSON.stringify({
          from: session.envelope.mailFrom.address,
          to: session.envelope.rcptTo.map((r) => r.address),
          secure: session.secure,
          user: session.user ?? null,
          text,
        }),
      );
      done();
    });
  },
});
server.on("error", (error) => console.error(String(error)));
server.listen(0, "127.0.0.1", () => console.log("listening " + server.server.address().port));
