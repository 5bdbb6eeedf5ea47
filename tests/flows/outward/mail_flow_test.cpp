// E-mail as a mail server that is not ours takes it: signed in over TLS, tried again when it is busy, and to
// whom it was meant for.
#include "mailbox.h"
#include "net/smtp_client.h"
#include "notify/mail_queue.h"
#include "store/accounts.h"
#include "support/http.h"
#include "support/server.h"
#include "support/store/temp_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <csignal>

namespace voxanne::test {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using testing::HasSubstr;

class Smtp : public testing::Test {
 protected:
  Result<> send(const std::string& url, const std::string& to = "ann@example.com", bool trusting = true,
                const std::string& from = "desk@example.com") {
    net::SmtpClient client{loop_.executor(),
                           {.url = net::parse_smtp_url(url).value(),
                            .ca_file = trusting ? (certificates() / "cert.pem").string() : "",
                            .connect_timeout = 5'000ms,
                            .timeout = 10'000ms}};
    return async::run_on(loop_.executor(), client.send(from, to, "Subject: x\r\n\r\nhello\r\n"));
  }
  async::LoopThread loop_{"mail"};
};

TEST_F(Smtp, a_mail_goes_by_tls_starttls_and_to_a_relay_on_this_machine) {
  for (const auto& [kind, scheme] : {std::pair{"tls", "smtps"}, std::pair{"starttls", "smtp"}}) {
    Mailbox mailbox{{kind, "user@x", "pass:word"}};
    EXPECT_TRUE(send(std::string{scheme} + "://user%40x:pass%3Aword@127.0.0.1:" + mailbox.port())) << kind;
    const auto mail = mailbox.to("ann@example.com");
    EXPECT_EQ(mail.at("secure"), true);
    EXPECT_EQ(mail.at("user"), "user@x");
    EXPECT_EQ(mail.at("from"), "desk@example.com");
    EXPECT_EQ(send(std::string{scheme} + "://user%40x:wrong@127.0.0.1:" + mailbox.port()).error().code,
              "smtp_login_refused");
  }
  Mailbox relay{{"plain"}};
  EXPECT_TRUE(send("smtp://127.0.0.1:" + relay.port()));
}

TEST_F(Smtp, nothing_is_said_to_a_server_that_is_not_who_it_should_be_or_does_not_encrypt) {
  Mailbox stranger{{"tls"}, false};
  EXPECT_EQ(send("smtps://127.0.0.1:" + stranger.port(), "ann@example.com", false).error().code,
            "tls_failed");
  Mailbox open{{"plain", "user", "word"}};
  EXPECT_EQ(send("smtp://user:word@127.0.0.1:" + open.port()).error().code, "tls_failed");
  EXPECT_EQ(stranger.process().output().find("\"to\""), std::string::npos);
  EXPECT_EQ(open.process().output().find("\"to\""), std::string::npos);
}

TEST_F(Smtp, a_refusal_says_whether_it_is_for_good) {
  Mailbox mailbox{{"plain"}};
  const std::string url = "smtp://127.0.0.1:" + mailbox.port();
  EXPECT_EQ(send(url, "busy@example.com").error().code, "smtp_refused_for_now");
  EXPECT_EQ(send(url, "nobody@example.com").error().code, "smtp_refused");
  EXPECT_EQ(send(url, "full@example.com").error().code, "smtp_refused");
  EXPECT_THAT(send(url, "full@example.com").error().message, HasSubstr("(552 5.2.2)"));
  EXPECT_EQ(send("smtp://127.0.0.1:1").error().code, "connect_failed");
  EXPECT_FALSE(net::parse_smtp_url("http://x"));
  EXPECT_FALSE(net::parse_smtp_url("smtp://"));
}

TEST_F(Smtp, a_refusal_before_the_recipient_is_named_is_not_the_mails) {
  Mailbox closed{{"closed"}}, mailbox{{"plain"}};
  const auto at_the_door = send("smtp://127.0.0.1:" + closed.port()).error();
  EXPECT_EQ(at_the_door.code, "smtp_sender_refused");
  EXPECT_THAT(at_the_door.message, HasSubstr("(554)"));
  const std::string url = "smtp://127.0.0.1:" + mailbox.port();
  const auto over_quota = send(url, "ann@example.com", true, "spent@example.com").error();
  EXPECT_EQ(over_quota.code, "smtp_sender_refused");
  EXPECT_THAT(over_quota.message, HasSubstr("(550 5.4.5)"));
  EXPECT_THAT(over_quota.message, testing::Not(HasSubstr("spent@"))) << "whom it names is nobody's to read";

  // Once more, then the day is over.
  TempStore store;
  async::SystemClock clock;
  const Seal seal{Secret{"a root secret of the test"}, "mails"};
  net::SmtpClient client{store.executor(), {.url = net::parse_smtp_url(url).value()}};
  notify::MailQueue queue{*store, clock, seal, client, {.from = {"Voxanne", "spent@example.com"}}};
  ASSERT_TRUE(store.write([&](store::Batch& batch) {
    queue.add(batch, harbour, "ann@example.com", {.subject = "x", .body = "hello"});
  }));
  const auto tried = [&] {
    auto mails = store.run(queue.claim(1, clock.utc() + 1min)).value();
    EXPECT_EQ(mails.size(), 1u);
    const auto outcome = store.run(queue.handle(mails.at(0)));
    EXPECT_TRUE(store.run(queue.complete(mails.at(0), outcome, clock.utc())));
    return outcome.kind;
  };
  EXPECT_EQ(tried(), jobs::Outcome::Kind::retry);
  EXPECT_EQ(tried(), jobs::Outcome::Kind::done);
  EXPECT_EQ(body_of(mailbox.to("ann@example.com")), "hello");
}

TEST_F(Smtp, a_message_goes_to_the_owners_or_to_whom_the_organization_says) {
  Mailbox mailbox{{"plain"}};
  TempStore store;
  async::SystemClock clock;
  const Seal seal{Secret{"a root secret of the test"}, "mails"};
  net::SmtpClient client{store.executor(),
                         {.url = net::parse_smtp_url("smtp://127.0.0.1:" + mailbox.port()).value()}};
  notify::MailQueue queue{*store, clock, seal, client, {.from = {"Voxanne", "desk@example.com"}}};
  auto how = notify::mail_runner_options();
  how.backoff = {10ms, 50ms};
  how.poll = 20ms;
  jobs::Runner<store::Mail> runner{store.executor(), clock, queue, how};
  domain::Message message;
  message.org = harbour;
  message.text = "Please call back.";
  const auto take = [&] {
    return store.write([&](store::Batch& batch) {
      queue.add(batch, message, notify::text_of_message(message, "Harbour", ""));
    });
  };
  ASSERT_TRUE(store.write([&](store::Batch& batch) {
    for (const auto& [id, role] : {std::pair{"owner", "owner"}, std::pair{"viewer", "viewer"}}) {
      store::insert_account(batch, {AccountId{id}, std::string{id} + "@example.com", id, "-"}, clock.utc());
      store::insert_member(batch, harbour, id, role, clock.utc());
    }
  }));
  ASSERT_TRUE(take());
  async::run_on(store.executor(), [](auto& r) -> async::Task<> {
    r.start();
    co_return;
  }(runner));
  EXPECT_THAT(body_of(mailbox.to("owner@example.com")), HasSubstr("Please call back."));
  ASSERT_TRUE(store.write([&](store::Batch& batch) {
    store::set_message_recipients(batch, harbour, {"busy@example.com", "nobody@example.com"});
  }));
  ASSERT_TRUE(take());
  mailbox.to("busy@example.com");  // after two refusals
  EXPECT_EQ(mailbox.process().output().find("viewer@"), std::string::npos);
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (store.run(store::next_mail_due(*store)).value() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(10ms);
  EXPECT_FALSE(store.run(store::next_mail_due(*store)).value());  // nobody@ has failed for good
  async::run_on(store.executor(), runner.stop());
  const auto counted = store.run(store::count_mails(*store)).value();
  EXPECT_EQ(std::pair(counted.waiting, counted.failed), std::pair(std::int64_t{0}, std::int64_t{1}));
}

TEST(Mail, an_invitation_is_mailed_though_the_process_is_killed_and_the_server_was_away) {
  auto mailbox = std::make_unique<Mailbox>(std::vector<std::string>{"plain"});
  Server server{{{"SMTP_URL", "smtp://127.0.0.1:" + mailbox->port()},
                 {"MAIL_FROM", "Voxanne <desk@example.com>"},
                 {"PUBLIC_URL", "https://voxanne.example"}}};
  mailbox->process().signal(SIGSTOP);  // takes the connection, and says nothing
  const auto invited = http_post_json(server.url("/api/members/invitations"),
                                      {{"email", "ann@example.com"}, {"role", "viewer"}});
  ASSERT_EQ(invited.status, 200) << invited.body;
  server.process().signal(SIGKILL);
  ASSERT_TRUE(server.process().wait(10s));
  mailbox->process().signal(SIGCONT);
  server.start();
  EXPECT_TRUE(invited.json().at("link").is_null()) << "only who reads the address can accept";
  EXPECT_TRUE(invited.json().at("token").is_null());
  const auto body = body_of(mailbox->to("ann@example.com"));
  const std::string_view page = "https://voxanne.example/#/invitation/";
  const auto at = body.find(page);
  ASSERT_NE(at, std::string::npos) << body;
  const auto accepted =
      http_post_json(server.url("/api/auth/invitation"),
                     {{"token", body.substr(at + page.size(), 46)}, {"password", "long enough for all"}});
  EXPECT_EQ(accepted.status, 200) << accepted.body;
}

}  // namespace
}  // namespace voxanne::test
