//! `notify`.

use super::lifecycle::says;
use super::stage::pb;
use crate::commands::answers::Answers;

#[test]
fn a_message_is_sent_once_by_each_run() {
    let web = Answers::start();
    let pb = pb()
        .toml("[env.local]\nchat = { webhook = \"secret:env:HOOK\" }\n")
        .env("HOOK", web.url("/200/hook"));
    for _ in 0..2 {
        let run = pb
            .with(["run", "--output", "json"])
            .playbook("a.rhai", "notify(target.chat, \"live\").sent");
        let outcome = run.run().expect(0);
        assert!(outcome.stdout.contains("\"value\":true"), "{outcome}");
    }
    assert_eq!(
        web.asked.try_iter().collect::<Vec<_>>(),
        ["/200/hook", "/200/hook"]
    );
}

#[test]
fn a_message_that_was_not_sent_undoes_nothing_unless_it_is_required() {
    let pb = pb().toml("[env.local]\nchat = { webhook = \"http://127.0.0.1:1/\" }\n");
    let run = pb
        .with(["run", "--output", "json"])
        .playbook("a.rhai", "notify(target.chat, \"live\").sent");
    assert!(run.run().expect(0).stdout.contains("\"value\":false"));
    says(
        &pb,
        "notify(target.chat, \"live\", #{ required: true });",
        1,
        "notify-required",
    );
}
