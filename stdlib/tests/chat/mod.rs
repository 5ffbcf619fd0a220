//! `notify` against servers that stand for chats.

use crate::http::server::{Server, answer, closed_port};
use crate::stage::{Called, Stage, TOKEN};
use pb_core::journal::Ended;
use pb_core::{Handle, code};
use serde_json::{Value, json};

async fn stage() -> Stage {
    Stage::open(|registry, drivers| {
        pb_stdlib::http::register(registry, drivers);
        pb_stdlib::chat::register(registry, drivers);
    })
    .await
}

fn handle(driver: &str, url: &str) -> Value {
    let config = json!({ driver: url });
    let handle = Handle {
        driver: driver.into(),
        name: "chat".into(),
        config: config.as_object().expect("a table").clone(),
        transaction: None,
    };
    handle.to_value()
}

async fn notify(stage: &Stage, chat: Value, options: Value) -> Called {
    let mut args = json!({ "chat": chat, "text": "web runs 2.0" });
    let all = args.as_object_mut().expect("a map");
    all.extend(options.as_object().expect("a map").clone());
    stage.call("notify", args).await
}

fn without_took(mut value: Value) -> Value {
    value.as_object_mut().expect("a map").remove("took");
    value
}

/// The body that a service got.
fn body(server: &Server) -> Value {
    let heard = server.heard();
    let (_, body) = heard[0].split_once("\r\n\r\n").expect("a request");
    serde_json::from_str(body).expect("JSON")
}

#[tokio::test]
async fn each_service_gets_its_shape_of_the_message() {
    let check = async |driver: &str, wanted: Value| {
        let server = Server::saying(answer("200 OK", "", "ok")).await;
        // The address is a secret, as whoever knows it can write to the channel.
        let url = server.url("/hook/‹secret env:TOKEN›");
        let stage = stage().await;
        let value = notify(&stage, handle(driver, &url), json!({ "level": "success" }))
            .await
            .value();
        assert_eq!(
            without_took(value),
            json!({ "changed": true, "sent": true })
        );
        assert_eq!(body(&server), wanted);
        assert!(server.heard()[0].starts_with(&format!("POST /hook/{TOKEN} HTTP/1.1\r\n")));
        stage.holds_no_secret("");
    };
    check("slack", json!({ "text": "✅ web runs 2.0" })).await;
    let mentions = json!({ "parse": [] });
    check(
        "discord",
        json!({ "content": "✅ web runs 2.0", "allowed_mentions": mentions }),
    )
    .await;
    let message = json!({ "schema": "pb.message/1", "text": "web runs 2.0", "level": "success", "run": "TEST" });
    check("webhook", message).await;
}

#[tokio::test]
async fn a_secret_in_the_text_does_not_reach_the_chat() {
    let server = Server::saying(answer("200 OK", "", "ok")).await;
    let stage = stage().await;
    let chat = handle("slack", &server.url("/‹secret env:TOKEN›"));
    notify(&stage, chat.clone(), json!({})).await.value();
    let text = json!({ "text": format!("the token is {TOKEN}") });
    notify(&stage, chat, text).await.value();
    let second = &server.heard()[1];
    let (_, body) = second.split_once("\r\n\r\n").expect("a request");
    assert_eq!(body, "{\"text\":\"the token is ‹secret env:TOKEN›\"}");
}

#[tokio::test]
async fn a_chat_that_is_down_is_no_error_unless_required() {
    let stage = stage().await;
    let chat = handle("slack", &closed_port().await);
    let value = notify(&stage, chat.clone(), json!({})).await.value();
    let reason = "the connection was refused";
    assert_eq!(
        without_took(value),
        json!({ "changed": true, "sent": false, "reason": reason })
    );
    assert_eq!(
        stage.progress().last(),
        Some(&format!("not sent: {reason}"))
    );

    let failure = notify(&stage, chat, json!({ "required": true }))
        .await
        .failure();
    assert!(failure.is(&code::NOTIFY) && !failure.doubt, "{failure:#?}");
    assert_eq!(failure.message, "the message to `chat` was not delivered");
    assert_eq!(failure.because, [reason]);
}

#[tokio::test]
async fn a_secret_that_is_not_set_ends_no_deploy() {
    let stage = stage().await;
    let value = notify(&stage, handle("slack", "‹secret env:NONE›"), json!({}))
        .await
        .value();
    assert_eq!(value["reason"], "`env:NONE` is not set");
}

#[tokio::test]
async fn a_refusal_is_told_in_the_words_of_the_service() {
    let server = Server::saying(answer("404 Not Found", "", "no_service")).await;
    let chat = handle("slack", &server.url("/"));
    let failure = notify(&stage().await, chat, json!({ "required": true }))
        .await
        .failure();
    assert_eq!(failure.because, ["it answered 404: no_service"]);
    let hint = "make a new webhook, and put its address where `chat` of pb.toml takes it from";
    assert_eq!(failure.hint.as_deref(), Some(hint));
}

#[tokio::test]
async fn a_service_that_asks_for_patience_gets_it() {
    let server = Server::start(|mut connection| async move {
        connection.request().await;
        let bytes = match connection.n {
            0 => answer("429 Too Many", "retry-after: 0.1\r\n", ""),
            _ => answer("204 No Content", "", ""),
        };
        connection.write(&bytes).await;
    })
    .await;
    let called = notify(
        &stage().await,
        handle("discord", &server.url("/")),
        json!({}),
    )
    .await;
    assert!(called.took.as_millis() >= 100, "{:?}", called.took);
    assert_eq!(called.value()["sent"], true);
    assert_eq!(server.heard().len(), 2);
}

#[tokio::test]
async fn a_message_in_doubt_is_not_sent_again() {
    let server = Server::start(|mut connection| async move {
        connection.request().await;
        connection.reset();
    })
    .await;
    let stage = stage().await;
    let args = json!({ "chat": handle("slack", &server.url("/")), "text": "x", "required": true });
    let retry = json!({ "retry": { "attempts": 3, "delay": "1ms" } });
    let failure = stage.call_with("notify", args, retry).await.failure();
    assert!(failure.doubt, "{failure:#?}");
    assert_eq!(server.heard().len(), 1);
}

#[tokio::test]
async fn a_message_stays_when_the_run_is_undone() {
    let server = Server::saying(answer("200 OK", "", "")).await;
    let stage = stage().await;
    notify(&stage, handle("slack", &server.url("/")), json!({}))
        .await
        .value();
    let finished = stage.fail().await;
    let failure = finished.failure.expect("it threw");
    let stays = "stays: notify chat (a message cannot be taken back)";
    assert!(
        failure.state.iter().any(|line| line == stays),
        "{failure:#?}"
    );
    assert_ne!(finished.state, Some(Ended::Stuck));
}
