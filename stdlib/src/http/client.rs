//! The HTTP clients themselves, and one exchange of a request for an answer.

use super::address::{self, Resolver};
use super::driver::{Answer, Ask};
use super::trouble::Trouble;
use crate::outside_text::one_line;
use pb_core::clock::Clock;
use reqwest::header::{HOST, HeaderValue};
use reqwest::{Client, Request, Response};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Values of headers are kept up to this.
const LONGEST_HEADER: usize = 4096;

pub(super) struct Clients {
    /// Trusted besides those of the machine.
    roots: Vec<CertificateDer<'static>>,
    /// For http, made at the first request.
    plain: OnceLock<Client>,
    /// For https, with its configuration: reading the machine's authorities takes a while.
    encrypted: OnceLock<(Client, ClientConfig)>,
}

impl Clients {
    pub(super) fn new(roots: Vec<CertificateDer<'static>>) -> Self {
        Self {
            roots,
            plain: OnceLock::new(),
            encrypted: OnceLock::new(),
        }
    }

    pub(super) async fn exchange(
        &self,
        clock: &dyn Clock,
        ask: &Ask,
        mut request: Request,
        left: Duration,
    ) -> Result<Answer, Trouble> {
        address::check(request.url())?;
        *request.headers_mut() = ask.headers.clone();
        let client = match &ask.host {
            None => self.usual(&request)?,
            Some(host) => self.as_host(host, &mut request)?,
        };
        let url = request.url().clone();
        let began = clock.elapsed();
        let mut status = None;
        let work = async {
            let response = client.execute(request).await;
            let response = response.map_err(|error| Trouble::of(&error))?;
            status = Some(response.status().as_u16());
            read(response, ask.keep).await
        };
        let (headers, body, cut) = tokio::select! {
            read = work => read?,
            () = clock.sleep(left) => return Err(match status {
                Some(status) => Trouble::NoEnd { status, after: ask.limit },
                None => Trouble::NoAnswer(ask.limit),
            }),
        };
        let latency = clock.elapsed().saturating_sub(began);
        Ok(Answer {
            url: url.into(),
            status: status.unwrap_or_default(),
            headers,
            body: String::from_utf8_lossy(&body).into_owned(),
            cut,
            latency: (latency.as_secs_f64() * 10_000.0).round() / 10_000.0,
        })
    }

    /// A client that asks for that name at the address of the URL: in `Host`, and with https in TLS.
    fn as_host(&self, host: &str, request: &mut Request) -> Result<Client, Trouble> {
        let wrong = || Trouble::Request(format!("`{host}` is no host name"));
        let value = HeaderValue::from_str(host).map_err(|_| wrong())?;
        request.headers_mut().insert(HOST, value);
        if request.url().scheme() != "https" {
            return self.usual(request);
        }
        let instead = request.url().host_str().map(Into::into);
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        request
            .url_mut()
            .set_host(Some(name))
            .map_err(|_| wrong())?;
        build(self.encrypted()?.1.clone(), Resolver { instead })
    }

    fn usual(&self, request: &Request) -> Result<Client, Trouble> {
        if request.url().scheme() == "https" {
            return Ok(self.encrypted()?.0.clone());
        }
        if let Some(plain) = self.plain.get() {
            return Ok(plain.clone());
        }
        let client = build(configuration(RootCertStore::empty())?, Resolver::default())?;
        Ok(self.plain.get_or_init(|| client).clone())
    }

    fn encrypted(&self) -> Result<&(Client, ClientConfig), Trouble> {
        if let Some(encrypted) = self.encrypted.get() {
            return Ok(encrypted);
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots.add_parsable_certificates(self.roots.iter().cloned());
        let tls = configuration(roots)?;
        let client = build(tls.clone(), Resolver::default())?;
        Ok(self.encrypted.get_or_init(|| (client, tls)))
    }
}

async fn read(
    mut response: Response,
    keep: usize,
) -> Result<(BTreeMap<String, String>, Vec<u8>, bool), Trouble> {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in response.headers() {
        let value = one_line(&String::from_utf8_lossy(value.as_bytes()), LONGEST_HEADER);
        headers
            .entry(name.as_str().into())
            .and_modify(|known| *known = format!("{known}, {value}"))
            .or_insert(value);
    }
    let mut body = vec![];
    while let Some(chunk) = response.chunk().await.map_err(|e| Trouble::of(&e))? {
        let room = keep - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            return Ok((headers, body, true));
        }
    }
    Ok((headers, body, false))
}

fn configuration(roots: RootCertStore) -> Result<ClientConfig, Trouble> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Trouble::Other(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// A new connection for each request tells how a new visitor fares, and no request is lost with a kept connection
/// that the other side had given up. HTTP/1.1 alone, because with HTTP/2 a `Host` of its own is not allowed.
fn build(tls: ClientConfig, resolver: Resolver) -> Result<Client, Trouble> {
    Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(resolver)
        .http1_only()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .pool_max_idle_per_host(0)
        .user_agent(concat!("pb/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| Trouble::Other(error.to_string()))
}
