//! `http_get` and `http_post`: what goes out, what comes back, and what is in doubt.

use super::server::{Server, answer};
use pb_core::code;
use pb_core::journal::Ended;
use serde_json::{Value, json};

#[tokio::test]
async fn a_read_gives_the_answer_as_data() {
    let headers = "Content-Type: application/json\r\nX-Two: a\r\nX-Two: b\r\n";
    let server = Server::saying(answer("200 OK", headers, "{\"version\":\"2.0\"}")).await;
    let stage = super::stage().await;
    let args = json!({
        "url": server.url("/v"), "bearer": "‹secret env:TOKEN›", "headers": { "X-Key": "‹secret env:TOKEN›" },
    });
    let mut value = stage.call("http_get", args).await.value();
    value.as_object_mut().expect("a map").remove("took");
    let wanted = json!({
        "status": 200,
        "headers": {
            "content-type": "application/json", "x-two": "a, b", "content-length": "17", "connection": "close",
        },
        "body": "{\"version\":\"2.0\"}",
        "json": { "version": "2.0" },
    });
    assert_eq!(value, wanted);
    let token = crate::stage::TOKEN;
    let heard = &server.heard()[0];
    assert!(
        heard.contains(&format!("authorization: Bearer {token}\r\n")),
        "{heard}"
    );
    assert!(heard.contains(&format!("x-key: {token}\r\n")), "{heard}");
    stage.holds_no_secret(&value.to_string());
}

#[tokio::test]
async fn a_server_that_echoes_a_secret_does_not_spread_it() {
    let echo = Server::start(|mut connection| async move {
        let request = connection.request().await;
        connection.write(&answer("500 No", "", &request)).await;
    })
    .await;
    let stage = super::stage().await;
    for (name, url) in [
        ("http_get", echo.url("/a?t=‹secret-url env:TOKEN›")),
        ("http_post", echo.url("/b")),
    ] {
        let args = json!({ "url": url, "bearer": "‹secret env:TOKEN›" });
        let failure = stage.call(name, args).await.failure();
        assert!(failure.is(&code::HTTP_STATUS), "{failure:#?}");
        stage.holds_no_secret(&format!("{failure:?}"));
    }
    assert!(echo.heard()[0].starts_with(&format!(
        "GET /a?t={} ",
        crate::stage::TOKEN.replace('-', "%2D")
    )));
}

#[tokio::test]
async fn a_body_of_more_than_a_mebibyte_is_an_error() {
    let body = "x".repeat((1 << 20) + 1);
    let server = Server::saying(answer("200 OK", "", &body)).await;
    let failure = super::stage()
        .await
        .call("http_get", json!({ "url": server.url("/") }))
        .await
        .failure();
    assert_eq!(failure.because, ["its body has more than 1 MiB"]);
}

/// Failures of a POST as `(code, doubt, requests heard)`.
async fn post(server: &Server, options: Value, common: Value) -> (String, bool, usize) {
    let mut args =
        json!({ "url": server.url("/"), "json": { "tag": "a" }, "request_timeout": "300ms" });
    let all = args.as_object_mut().expect("a map");
    all.extend(options.as_object().expect("a map").clone());
    let failure = super::stage()
        .await
        .call_with("http_post", args, common)
        .await
        .failure();
    (failure.code, failure.doubt, server.heard().len())
}

fn thrice() -> Value {
    json!({ "retry": { "attempts": 3, "delay": "1ms" } })
}

#[tokio::test]
async fn a_post_sends_its_body_and_its_key() {
    let server = Server::saying(answer("201 Made", "", "{\"id\":7}")).await;
    let stage = super::stage().await;
    let args =
        json!({ "url": server.url("/tags"), "json": { "t": "‹secret env:TOKEN›" }, "key": "k-1" });
    let value = stage.call("http_post", args).await.value();
    assert_eq!(
        (&value["changed"], &value["status"], &value["json"]["id"]),
        (&json!(true), &json!(201), &json!(7))
    );
    let heard = &server.heard()[0];
    let body = format!("{{\"t\":\"{}\"}}", crate::stage::TOKEN);
    assert!(heard.starts_with("POST /tags HTTP/1.1\r\n"), "{heard}");
    assert!(
        heard.contains("content-type: application/json\r\n"),
        "{heard}"
    );
    assert!(heard.contains("idempotency-key: k-1\r\n"), "{heard}");
    assert!(
        heard.contains(&format!("content-length: {}\r\n", body.len())),
        "{heard}"
    );
    assert!(heard.ends_with(&body), "{heard}");
    stage.holds_no_secret(&value.to_string());
}

#[tokio::test]
async fn a_request_that_never_left_is_no_doubt() {
    let url = super::server::closed_port().await;
    let stage = super::stage().await;
    let args = json!({ "url": url, "body": "x" });
    let failure = stage.call("http_post", args).await.failure();
    assert!(
        failure.is(&code::UNREACHABLE) && !failure.doubt,
        "{failure:#?}"
    );
    assert_eq!(failure.because, ["the connection was refused"]);
    assert_eq!(failure.state, ["nothing was sent"]);
    let finished = stage.run.finish(Err(failure.into())).await;
    assert_eq!(
        finished.state,
        Some(Ended::Undone),
        "nothing happened, so that nothing stays"
    );
}

#[tokio::test]
async fn a_connection_that_broke_after_sending_leaves_doubt() {
    let reset = Server::start(|mut connection| async move {
        connection.request().await;
        connection.reset();
    })
    .await;
    let (unreachable, doubt) = (code::UNREACHABLE.id.to_owned(), true);
    assert_eq!(
        post(&reset, json!({}), thrice()).await,
        (unreachable.clone(), doubt, 1)
    );
    let silent = Server::start(|mut connection| async move {
        connection.request().await;
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    })
    .await;
    assert_eq!(
        post(&silent, json!({}), thrice()).await,
        (unreachable.clone(), doubt, 1)
    );
    let empty = json!({ "json": null, "form": {} });
    assert_eq!(
        post(&silent, empty, json!({})).await,
        (unreachable, doubt, 2)
    );
}

#[tokio::test]
async fn a_key_lets_it_be_sent_again_and_nothing_else_does() {
    let third_time = || {
        Server::start(|mut connection| async move {
            connection.request().await;
            if connection.n < 2 {
                return connection.reset();
            }
            connection.write(&answer("200 OK", "", "")).await;
        })
    };
    let server = third_time().await;
    let args = json!({ "url": server.url("/"), "key": "k" });
    let value = super::stage()
        .await
        .call_with("http_post", args, thrice())
        .await
        .value();
    assert_eq!(value["status"], 200);
    let heard = server.heard();
    assert_eq!(heard.len(), 3);
    assert!(
        heard
            .iter()
            .all(|request| request.contains("idempotency-key: k\r\n"))
    );

    let server = third_time().await;
    let (_, doubt, heard) = post(&server, json!({}), thrice()).await;
    assert_eq!((doubt, heard), (true, 1));
}

#[tokio::test]
async fn a_redirect_is_not_followed_by_a_post() {
    let server = Server::saying(answer("308 There", "location: /there\r\n", "")).await;
    let (code, doubt, heard) = post(&server, json!({}), json!({})).await;
    assert_eq!(
        (code.as_str(), doubt, heard),
        (code::HTTP_STATUS.id, false, 1)
    );
}

#[tokio::test]
async fn a_request_that_was_worked_on_stays() {
    let server = Server::saying(answer("200 OK", "", "")).await;
    let stage = super::stage().await;
    stage
        .call("http_post", json!({ "url": server.url("/") }))
        .await
        .value();
    let finished = stage.fail().await;
    let failure = finished.failure.expect("it threw");
    assert!(
        failure
            .state
            .iter()
            .any(|line| line.contains("a request cannot be taken back")),
        "{failure:#?}"
    );
}
