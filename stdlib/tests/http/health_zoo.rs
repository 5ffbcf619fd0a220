//! `health_check` against a zoo of services: each wait ends within its deadline and a tenth, and says what was wrong.

use super::server::{Connection, Server, answer};
use crate::stage::Called;
use pb_core::code::{self, Code};
use serde_json::{Value, json};
use std::time::Duration;

async fn health(url: &str, options: Value) -> Called {
    let mut args =
        json!({ "url": url, "interval": "50ms", "request_timeout": "300ms", "deadline": "1s" });
    let all = args.as_object_mut().expect("a map");
    all.extend(options.as_object().expect("a map").clone());
    let deadline = pb_core::Span::parse(all["deadline"].as_str().expect("a text")).expect("a time");
    let called = super::stage().await.call("health_check", args).await;
    assert!(
        called.took <= deadline.0.mul_f64(1.1),
        "{:?} for {deadline}",
        called.took
    );
    called
}

/// The wait fails with that code; `because` are the beginnings of its lines.
async fn unwell(url: &str, options: Value, code: &Code, because: &[&str], hint: Option<&str>) {
    let failure = health(url, options).await.failure();
    assert!(failure.is(code), "{failure:#?}");
    // Whether the deadline comes in the middle of a look is chance.
    let cut_look = |line: &&String| line.starts_with("a look had no answer within 0.");
    let lines: Vec<_> = failure.because.iter().skip_while(cut_look).collect();
    assert_eq!(lines.len(), because.len(), "{failure:#?}");
    for (line, beginning) in lines.iter().zip(because) {
        assert!(
            line.starts_with(beginning),
            "{beginning} … is not in {failure:#?}"
        );
    }
    assert_eq!(failure.hint.as_deref(), hint);
}

async fn ok(mut connection: Connection) {
    connection.request().await;
    connection.write(&answer("200 OK", "", "fine")).await;
}

#[tokio::test]
async fn a_service_that_is_well_is_seen_at_once() {
    let server = Server::start(ok).await;
    let called = health(&server.url("/health/"), json!({})).await;
    assert!(
        called.took < Duration::from_millis(200),
        "{:?}",
        called.took
    );
    let value = called.value();
    assert_eq!(
        (&value["status"], &value["attempts"]),
        (&json!(200), &json!(2))
    );
    assert!(
        value["latency"]
            .as_f64()
            .is_some_and(|latency| latency < 0.1),
        "{value}"
    );
    let heard = server.heard();
    assert_eq!(heard.len(), 2, "a new connection for each look");
    let host = server.address;
    let version = env!("CARGO_PKG_VERSION");
    let request = format!(
        "GET /health/ HTTP/1.1\r\naccept: */*\r\nuser-agent: pb/{version}\r\nhost: {host}\r\n\r\n"
    );
    assert_eq!(
        heard[0], request,
        "nothing else is asked for, no compression either"
    );
}

#[tokio::test]
async fn a_service_that_becomes_well_is_seen_soon() {
    let server = Server::start(|mut connection| async move {
        connection.request().await;
        let status = if connection.n < 4 {
            "503 Busy"
        } else {
            "200 OK"
        };
        connection.write(&answer(status, "", "")).await;
    })
    .await;
    let stage = super::stage().await;
    let args = json!({ "url": server.url("/") });
    let value = stage.call("health_check", args).await.value();
    assert_eq!(value["attempts"], 6);
    let why = "it answered 503: it is there and says that it is not ready";
    assert_eq!(stage.progress(), [why; 4]);
}

#[tokio::test]
async fn flapping_is_not_well() {
    let server = Server::start(|mut connection| async move {
        connection.request().await;
        let status = if connection.n % 2 == 0 {
            "200 OK"
        } else {
            "500 No"
        };
        connection.write(&answer(status, "", "")).await;
    })
    .await;
    let failure = health(&server.url("/"), json!({})).await.failure();
    assert!(failure.is(&code::UNHEALTHY));
    let last = failure.because.last().expect("a reason");
    assert!(last.starts_with("it answered 500 ("), "{failure:#?}");
}

#[tokio::test]
async fn a_service_that_dies_after_its_first_answer_is_not_well() {
    let server = Server::start(|mut connection| async move {
        connection.request().await;
        match connection.n {
            0 => drop(connection.write(&answer("200 OK", "", "")).await),
            _ => connection.reset(),
        }
    })
    .await;
    let why = "the connection was reset: the application behind it may not listen yet (";
    unwell(&server.url("/"), json!({}), &code::UNHEALTHY, &[why], None).await;
}

#[tokio::test]
async fn one_byte_a_second_is_no_answer() {
    let drip = |from: usize| {
        move |mut connection: Connection| async move {
            connection.request().await;
            let bytes = answer("200 OK", "", "fine and well");
            connection.write(&bytes[..from]).await;
            for byte in &bytes[from..] {
                tokio::time::sleep(Duration::from_secs(1)).await;
                if !connection.write(&[*byte]).await {
                    return;
                }
            }
        }
    };
    let server = Server::start(drip(0)).await;
    let why = ["there was no answer within 300ms (3 times)"];
    unwell(&server.url("/"), json!({}), &code::UNHEALTHY, &why, None).await;
    let server = Server::start(drip(60)).await;
    let why = ["it answered 200, but the body did not end within 300ms (3 times)"];
    unwell(&server.url("/"), json!({}), &code::UNHEALTHY, &why, None).await;
    let why = ["a look had no answer within 1.0s (once)"];
    let slow = json!({ "request_timeout": "5s" });
    unwell(&server.url("/"), slow, &code::UNHEALTHY, &why, None).await;
}

/// Sends without end, until nobody listens.
async fn flood(mut connection: Connection, head: &[u8], again: &[u8]) {
    connection.request().await;
    connection.write(head).await;
    while connection.write(again).await {}
}

#[tokio::test]
async fn of_ten_gigabytes_64_kib_are_read() {
    let endless = |mut connection: Connection| async move {
        connection.request().await;
        connection
            .write(b"HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n")
            .await;
        while connection.write(&[b'x'; 8192]).await {}
    };
    let server = Server::start(endless).await;
    assert_eq!(
        health(&server.url("/"), json!({})).await.value()["status"],
        200
    );
    let within_two_looks = server.written();
    assert!(
        within_two_looks < 16 << 20,
        "{within_two_looks} bytes left the server"
    );
    let why = [
        "it answered 200, but the first 64 KiB of its body do not contain `y` (",
        "its last answer: xxx",
    ];
    let failure = health(&server.url("/"), json!({ "expect": { "body": "y" } }))
        .await
        .failure();
    assert!(failure.because[0].starts_with(why[0]), "{failure:#?}");
    assert!(failure.because[1].starts_with(why[1]), "{failure:#?}");
    assert!(
        failure.to_string().len() + failure.because[1].len() < 400,
        "{failure:#?}"
    );
}

#[tokio::test]
async fn floods_of_headers_and_of_interim_answers_end() {
    let interim = b"HTTP/1.1 102 Processing\r\n\r\n";
    let server = Server::start(|connection| flood(connection, b"", interim)).await;
    let failure = health(&server.url("/"), json!({})).await.failure();
    assert!(failure.is(&code::UNHEALTHY), "{failure:#?}");
    let server = Server::start(|connection| {
        flood(connection, b"HTTP/1.1 200 OK\r\n", b"x-more: and more\r\n")
    })
    .await;
    let why = ["the answer was no HTTP: message head is too large ("];
    let hint = Some("where the server speaks TLS, write https://");
    unwell(&server.url("/"), json!({}), &code::UNHEALTHY, &why, hint).await;
}

#[tokio::test]
async fn what_is_packed_stays_packed() {
    let headers = "content-encoding: gzip\r\ncontent-type: application/json\r\n";
    let server = Server::saying(answer("200 OK", headers, "\u{1f}not really gzip")).await;
    let why = [
        "it answered 200, but its body is no JSON (",
        "its last answer: not really gzip",
    ];
    let expect = json!({ "expect": { "json": {} } });
    unwell(&server.url("/"), expect, &code::UNHEALTHY, &why, None).await;
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_says_what_helps() {
    let to_https = "location: https://shop.example/health\r\n";
    let server = Server::saying(answer("301 Moved", to_https, "")).await;
    let why = ["it answered 301, a redirect to `https://shop.example/health` ("];
    let hint = "it redirects to HTTPS: exempt `/health` from that (Django: SECURE_REDIRECT_EXEMPT), or say that a proxy did it: headers: #{ \"X-Forwarded-Proto\": \"https\" }";
    unwell(
        &server.url("/health"),
        json!({}),
        &code::UNHEALTHY,
        &why,
        Some(hint),
    )
    .await;
    assert_eq!(
        health(&server.url("/"), json!({ "status": 301 }))
            .await
            .value()["status"],
        301
    );
}

#[tokio::test]
async fn redirects_are_followed_where_asked_and_not_in_circles() {
    let hop = |to: fn(u32) -> String| {
        Server::start(move |mut connection| async move {
            let request = connection.request().await;
            let n: u32 = request[5..]
                .split(' ')
                .next()
                .and_then(|n| n.parse().ok())
                .unwrap_or(0);
            let bytes = match n {
                99 => answer("200 OK", "", ""),
                n => answer("302 Found", &format!("location: {}\r\n", to(n)), ""),
            };
            connection.write(&bytes).await;
        })
    };
    let follow = json!({ "follow_redirects": true });
    let server = hop(|_| "/99".into()).await;
    assert_eq!(
        health(&server.url("/1"), follow.clone()).await.value()["status"],
        200
    );
    let server = hop(|n| format!("/{}", (n + 1) % 3)).await;
    let why = [format!(
        "it redirected in a circle, back to `http://{}/0` (",
        server.address
    )];
    let why: Vec<&str> = why.iter().map(String::as_str).collect();
    unwell(
        &server.url("/0"),
        follow.clone(),
        &code::UNHEALTHY,
        &why,
        None,
    )
    .await;
    let server = hop(|n| format!("/{}", n + 1)).await;
    let why = ["it redirected more than 10 times, at last to `http://"];
    unwell(
        &server.url("/0"),
        follow.clone(),
        &code::UNHEALTHY,
        &why,
        None,
    )
    .await;
    let server = hop(|_| "file:///etc/passwd".into()).await;
    let why = ["it redirected to `file:///etc/passwd`, which is no HTTP address ("];
    unwell(&server.url("/0"), follow, &code::UNHEALTHY, &why, None).await;
}

#[tokio::test]
async fn no_way_leads_to_a_metadata_service() {
    let why = [
        "`169.254.169.254` is at 169.254.169.254, a link-local address or a cloud's metadata service",
    ];
    let url = "http://169.254.169.254/latest/meta-data/";
    let began = std::time::Instant::now();
    unwell(url, json!({}), &code::FORBIDDEN_ADDRESS, &why, None).await;
    let redirect = answer("302 Found", &format!("location: {url}\r\n"), "");
    let server = Server::saying(redirect).await;
    let follow = json!({ "follow_redirects": true });
    unwell(
        &server.url("/"),
        follow,
        &code::FORBIDDEN_ADDRESS,
        &why,
        None,
    )
    .await;
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "waiting would not help, and the deadline is a minute"
    );
}

#[tokio::test]
async fn another_server_is_not_told_what_was_meant_for_the_first() {
    let second = Server::start(ok).await;
    let location = format!("location: {}\r\n", second.url("/"));
    let first = Server::saying(answer("307 There", &location, "")).await;
    let options =
        json!({ "follow_redirects": true, "bearer": "‹secret env:TOKEN›", "host": "shop.example" });
    health(&first.url("/"), options).await.value();
    let (first, second) = (&first.heard()[0], &second.heard()[0]);
    assert!(
        first.contains(&format!("authorization: Bearer {}", crate::stage::TOKEN)),
        "{first}"
    );
    assert!(first.contains("host: shop.example\r\n"), "{first}");
    assert!(
        !second.contains("authorization") && !second.contains("shop.example"),
        "{second}"
    );
}

#[tokio::test]
async fn a_host_that_is_not_allowed_is_named() {
    let server = Server::start(|mut connection| async move {
        let allowed = connection
            .request()
            .await
            .contains("host: shop.example\r\n");
        let page = "<html><head><title>DisallowedHost at /\u{1b}[31m</title></head></html>";
        let bytes = match allowed {
            true => answer("200 OK", "", ""),
            false => answer("400 Bad Request", "", page),
        };
        connection.write(&bytes).await;
    })
    .await;
    let why = ["it answered 400 (", "its last answer: DisallowedHost at /"];
    let hint = "it may not answer to the host `127.0.0.1`: set `host` to one of its names, or allow this one (Django: ALLOWED_HOSTS)";
    unwell(
        &server.url("/"),
        json!({}),
        &code::UNHEALTHY,
        &why,
        Some(hint),
    )
    .await;
    health(&server.url("/"), json!({ "host": "shop.example" }))
        .await
        .value();
}

#[tokio::test]
async fn the_wrong_version_is_not_well() {
    let server = Server::saying(answer("200 OK", "", "{\"version\":\"1.9\"}")).await;
    let why = [
        "it answered 200, but its JSON's `version` is \"1.9\", not \"2.0\" (",
        "its last answer: {\"version\":\"1.9\"}",
    ];
    let expect = json!({ "expect": { "json": { "version": "2.0" } } });
    unwell(&server.url("/"), expect, &code::UNHEALTHY, &why, None).await;
}

#[tokio::test]
async fn each_way_to_have_no_answer_has_its_words() {
    let closed = super::server::closed_port().await;
    unwell(
        &closed,
        json!({}),
        &code::UNHEALTHY,
        &["the connection was refused ("],
        None,
    )
    .await;

    let server = Server::start(|mut connection| async move {
        connection.request().await;
        connection.reset();
    })
    .await;
    let why = ["the connection was reset: the application behind it may not listen yet ("];
    unwell(&server.url("/"), json!({}), &code::UNHEALTHY, &why, None).await;

    let server = Server::saying("").await;
    let why = ["the connection was closed before the answer was whole ("];
    unwell(&server.url("/"), json!({}), &code::UNHEALTHY, &why, None).await;
    let server = Server::saying("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort").await;
    unwell(&server.url("/"), json!({}), &code::UNHEALTHY, &why, None).await;

    let server = Server::saying("hello, this is HTTP/0.9\n").await;
    let why = ["the answer was no HTTP: invalid HTTP version parsed ("];
    let hint = Some("where the server speaks TLS, write https://");
    unwell(&server.url("/"), json!({}), &code::UNHEALTHY, &why, hint).await;

    let half_open = Server::start(|connection| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(connection);
    })
    .await;
    let why = ["there was no answer within 300ms ("];
    unwell(&half_open.url("/"), json!({}), &code::UNHEALTHY, &why, None).await;
}

#[tokio::test]
async fn a_name_that_leads_nowhere_is_named() {
    let failure = health("http://nowhere.invalid/", json!({ "deadline": "3s" }))
        .await
        .failure();
    let why = "the name `nowhere.invalid` could not be resolved: ";
    assert!(failure.because[0].starts_with(why), "{failure:#?}");
}

#[tokio::test]
async fn what_is_no_url_is_refused_at_once() {
    for (url, because) in [
        ("127.0.0.1:8000/health", "relative URL without a base"),
        ("ftp://shop/", "its scheme is `ftp`"),
    ] {
        let failure = health(url, json!({})).await.failure();
        assert!(failure.is(&code::WRONG_TYPE), "{failure:#?}");
        assert_eq!(failure.because, [because]);
        assert_eq!(
            failure.hint.as_deref(),
            Some("begin it with http:// or https://")
        );
    }
}

#[tokio::test]
async fn proxy_variables_are_ignored() {
    // Variables belong to a process, so that this one is asked in a process of its own.
    let test = "http::health_zoo::a_service_that_is_well_is_seen_at_once";
    let output = tokio::process::Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", test])
        .envs(
            ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]
                .map(|name| (name, "http://127.0.0.1:1")),
        )
        .output()
        .await
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
}
