// A mail server with faults on demand: takes what it is sent and prints a line of JSON for each mail.
//
//   node mailbox.mjs [plain|starttls|tls|closed] [user password]       MAILBOX_KEY, MAILBOX_CERT: its identity
//
// closed is plain, and lets nobody in (554). Recipients: busy@… is refused for now (450) twice, nobody@… for
// good (550), full@… too (552), after the mail. Senders: spent@… is over its quota (550) twice.
import { readFileSync } from "node:fs";
import { SMTPServer } from "smtp-server";

const [kind = "plain", user, password] = process.argv.slice(2);
const { MAILBOX_KEY, MAILBOX_CERT } = process.env;
const identity = MAILBOX_KEY ? { key: readFileSync(MAILBOX_KEY), cert: readFileSync(MAILBOX_CERT) } : {};
let busy = 2;
let spent = 2;
const refusal = (code, text = "refused") => Object.assign(new Error(text), { responseCode: code });
const plain = kind === "plain" || kind === "closed";
const server = new SMTPServer({
  ...identity,
  secure: kind === "tls",
  disabledCommands: plain ? ["STARTTLS"].concat(user ? [] : ["AUTH"]) : user ? [] : ["AUTH"],
  allowInsecureAuth: plain,
  authOptional: !user,
  logger: false,
  onAuth(auth, session, done) {
    if (auth.username === user && auth.password === password) done(null, { user });
    else done(new Error("no"));
  },
  onConnect(session, done) {
    done(kind === "closed" ? refusal(554) : null);
  },
  onMailFrom(address, session, done) {
    if (address.address.startsWith("spent@") && spent-- > 0)
      return done(refusal(550, `5.4.5 ${address.address} has sent all that it may today`));
    done();
  },
  onRcptTo(address, session, done) {
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
      if (session.envelope.rcptTo[0].address.startsWith("full@")) return done(refusal(552, "5.2.2 no room"));
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
