//! Encrypted servers whose certificates are wrong in every way, and one that is right.

use super::certificate::{Certificate, EXPIRED, VALID};
use super::server::{Server, answer, request};
use crate::stage::Stage;
use pb_core::{Failure, code, erase};
use pb_stdlib::http::{HealthCheck, Http, HttpGet};
use rustls::ServerConfig;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

static AUTHORITY: LazyLock<Certificate> = LazyLock::new(Certificate::authority);

/// A run that trusts the test's authority.
async fn stage() -> Stage {
    Stage::open(|registry, drivers| {
        drivers.add(Http::trusting(vec![AUTHORITY.der.clone()]));
        registry.add(erase(HealthCheck));
        registry.add(erase(HttpGet));
    })
    .await
}

/// Says the `Host` that it was asked for.
async fn serve(certificate: &Certificate) -> SocketAddr {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("usual versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der.clone()], certificate.private_key())
        .expect("key and certificate belong together");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let request = request(&mut stream).await;
                let host = request.lines().find_map(|line| line.strip_prefix("host: "));
                let bytes = answer("200 OK", "", host.unwrap_or_default());
                drop(stream.write_all(&bytes).await);
                drop(stream.shutdown().await);
            });
        }
    });
    address
}

async fn unwell(url: String, options: Value) -> Failure {
    let mut args = json!({ "url": url, "interval": "50ms", "deadline": "1s" });
    let all = args.as_object_mut().expect("a map");
    all.extend(options.as_object().expect("a map").clone());
    let failure = stage().await.call("health_check", args).await.failure();
    assert!(failure.is(&code::UNHEALTHY), "{failure:#?}");
    failure
}

fn starts_with(failure: &Failure, because: &str) {
    assert!(failure.because[0].starts_with(because), "{failure:#?}");
}

#[tokio::test]
async fn a_certificate_that_is_right_is_well() {
    let address = serve(&AUTHORITY.sign("127.0.0.1", VALID)).await;
    let args = json!({ "url": format!("https://{address}/") });
    let value = stage().await.call("health_check", args).await.value();
    assert_eq!(value["status"], 200);
}

#[tokio::test]
async fn host_is_the_name_of_the_certificate_too() {
    let address = serve(&AUTHORITY.sign("shop.example", VALID)).await;
    let url = format!("https://{address}/");
    let args = json!({ "url": url, "host": "shop.example" });
    let value = stage().await.call("http_get", args).await.value();
    assert_eq!(value["body"], "shop.example");
    let why = "TLS: the certificate is not for `other.example`, it is for ";
    starts_with(&unwell(url, json!({ "host": "other.example" })).await, why);
}

#[tokio::test]
async fn each_wrong_certificate_has_its_words() {
    let check = async |certificate: Certificate, because: &str| {
        let address = serve(&certificate).await;
        starts_with(
            &unwell(format!("https://{address}/"), json!({})).await,
            because,
        );
    };
    check(
        AUTHORITY.sign("127.0.0.1", EXPIRED),
        "TLS: the certificate expired ",
    )
    .await;
    let untrusted = "TLS: the certificate is self-signed, or signed by an authority that this machine does not trust (";
    check(Certificate::self_signed("127.0.0.1"), untrusted).await;
    check(Certificate::authority(), untrusted).await;
    let wrong = "TLS: the certificate is not for `127.0.0.1`, it is for ";
    check(AUTHORITY.sign("shop.example", VALID), wrong).await;
}

#[tokio::test]
async fn plain_and_encrypted_are_told_apart() {
    let server = Server::start(|mut connection| async move {
        connection.write(&answer("400 Bad Request", "", "")).await;
    })
    .await;
    let failure = unwell(format!("https://{}/", server.address), json!({})).await;
    starts_with(&failure, "TLS: the server does not speak it at this port (");
    assert_eq!(
        failure.hint.as_deref(),
        Some("write http:// instead of https://")
    );

    let address = serve(&AUTHORITY.sign("127.0.0.1", VALID)).await;
    let failure = unwell(format!("http://{address}/"), json!({})).await;
    starts_with(&failure, "the answer was no HTTP: ");
    assert_eq!(
        failure.hint.as_deref(),
        Some("where the server speaks TLS, write https://")
    );
}

#[tokio::test]
async fn a_read_fails_with_the_code_of_tls() {
    let address = serve(&AUTHORITY.sign("127.0.0.1", EXPIRED)).await;
    let args = json!({ "url": format!("https://{address}/") });
    let failure = stage().await.call("http_get", args).await.failure();
    assert!(failure.is(&code::TLS), "{failure:#?}");
    assert_eq!(
        failure.message,
        format!("`GET https://{address}/` had no answer")
    );
}
