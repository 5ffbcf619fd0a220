//! From an endpoint to a session: look the name up, dial, encrypt, log in; each with its own way to fail.

use super::config::SslMode;
use super::endpoint::{Endpoint, Place};
use super::obstacle::Obstacle;
use super::tls;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{CancelToken, Client};
use tokio_postgres_rustls::MakeRustlsConnect;

/// A connection that has logged in.
pub(crate) struct Connected {
    pub(crate) client: Client,
    /// Moves the bytes; the connection lives as long as it is polled.
    pub(crate) wire: BoxFuture<'static, ()>,
    /// Such as 15.
    pub(crate) version: u32,
    pub(crate) canceller: Canceller,
}

/// Asks a server to give up what a session is doing.
#[derive(Clone)]
pub(crate) struct Canceller {
    token: CancelToken,
    place: Place,
    /// Where the session was made: a name may mean another server by now.
    address: Option<SocketAddr>,
    connector: Option<MakeRustlsConnect>,
}

/// Connects to the first place that takes us, within the endpoint's own limit and `limit`.
pub(crate) async fn connect(endpoint: &Endpoint, limit: Duration) -> Result<Connected, Obstacle> {
    let limit = limit.min(endpoint.timeout);
    let mut last = None;
    for place in &endpoint.places {
        match timeout(limit, at(endpoint, place)).await {
            Ok(Ok(connected)) => return Ok(connected),
            Ok(Err(obstacle)) => last = Some(obstacle),
            Err(_) => {
                last = Some(Obstacle::Silent {
                    place: place.clone(),
                    after: limit,
                })
            }
        }
    }
    Err(last.expect("an endpoint has a place"))
}

async fn at(endpoint: &Endpoint, place: &Place) -> Result<Connected, Obstacle> {
    let mode = endpoint.ssl_mode(place);
    let connector = match mode {
        SslMode::Disable => None,
        mode => {
            let made = tls::connector(mode, endpoint.roots.as_deref());
            let place = || place.clone();
            Some(made.map_err(|why| Obstacle::Tls {
                place: place(),
                why,
            })?)
        }
    };
    match dial(place, None).await? {
        Wire::Tcp(stream) => {
            let address = stream.peer_addr().ok();
            login(endpoint, place, mode, address, connector, stream).await
        }
        Wire::Unix(stream) => login(endpoint, place, mode, None, connector, stream).await,
    }
}

enum Wire {
    Tcp(TcpStream),
    Unix(UnixStream),
}

async fn dial(place: &Place, known: Option<SocketAddr>) -> Result<Wire, Obstacle> {
    let refused = |error: io::Error| Obstacle::Refused {
        place: place.clone(),
        why: plain(&error),
    };
    match place {
        Place::Socket { file } => {
            let stream = UnixStream::connect(file).await.map_err(refused)?;
            Ok(Wire::Unix(stream))
        }
        Place::Tcp { host, port } => {
            let addresses: Vec<SocketAddr> = match known {
                Some(address) => vec![address],
                None => {
                    let found = tokio::net::lookup_host((host.as_str(), *port)).await;
                    found
                        .map_err(|error| Obstacle::UnknownHost {
                            host: host.clone(),
                            why: plain(&error),
                        })?
                        .collect()
                }
            };
            let mut last = io::Error::other("the name has no address");
            for address in addresses {
                match TcpStream::connect(address).await {
                    Ok(stream) => {
                        // A statement is one small packet that waits for its answer.
                        stream.set_nodelay(true).map_err(refused)?;
                        return Ok(Wire::Tcp(stream));
                    }
                    Err(error) => last = error,
                }
            }
            Err(refused(last))
        }
    }
}

async fn login<S>(
    endpoint: &Endpoint,
    place: &Place,
    mode: SslMode,
    address: Option<SocketAddr>,
    connector: Option<MakeRustlsConnect>,
    stream: S,
) -> Result<Connected, Obstacle>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut config = endpoint.config.clone();
    config.ssl_mode(match mode {
        SslMode::Disable => tokio_postgres::config::SslMode::Disable,
        SslMode::Prefer => tokio_postgres::config::SslMode::Prefer,
        _ => tokio_postgres::config::SslMode::Require,
    });
    let told = |error| Obstacle::of_login(place, endpoint, error);
    let (client, wire, version) = match &connector {
        None => {
            let made = config.connect_raw(stream, tokio_postgres::NoTls).await;
            let (client, connection) = made.map_err(told)?;
            let version = version(connection.parameter("server_version"));
            (client, connection.map(drop).boxed(), version)
        }
        Some(connector) => {
            let encrypting = encrypting::<S>(connector, place)?;
            let made = config.connect_raw(stream, encrypting).await;
            let (client, connection) = made.map_err(told)?;
            let version = version(connection.parameter("server_version"));
            (client, connection.map(drop).boxed(), version)
        }
    };
    let token = client.cancel_token();
    let place = place.clone();
    let canceller = Canceller {
        token,
        place,
        address,
        connector,
    };
    Ok(Connected {
        client,
        wire,
        version,
        canceller,
    })
}

fn encrypting<S>(
    connector: &MakeRustlsConnect,
    place: &Place,
) -> Result<<MakeRustlsConnect as MakeTlsConnect<S>>::TlsConnect, Obstacle>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let host = match place {
        Place::Tcp { host, .. } => host.as_str(),
        Place::Socket { .. } => "localhost",
    };
    let made = MakeTlsConnect::<S>::make_tls_connect(&mut connector.clone(), host);
    made.map_err(|never| match never {})
}

impl Canceller {
    /// Sends the request; whether it came in time, only the session's own end tells.
    pub(crate) async fn cancel(&self) {
        let asked = async {
            match (dial(&self.place, self.address).await, &self.connector) {
                (Ok(Wire::Tcp(stream)), None) => {
                    drop(
                        self.token
                            .cancel_query_raw(stream, tokio_postgres::NoTls)
                            .await,
                    );
                }
                (Ok(Wire::Tcp(stream)), Some(connector)) => {
                    if let Ok(encrypting) = encrypting::<TcpStream>(connector, &self.place) {
                        drop(self.token.cancel_query_raw(stream, encrypting).await);
                    }
                }
                (Ok(Wire::Unix(stream)), _) => {
                    drop(
                        self.token
                            .cancel_query_raw(stream, tokio_postgres::NoTls)
                            .await,
                    );
                }
                (Err(_), _) => {}
            }
        };
        // A server that does not even take this notices the closed connection by itself.
        drop(timeout(Duration::from_secs(2), asked).await);
    }
}

/// `15.18 (Debian 15.18-0+deb12u1)` is 15.
fn version(text: Option<&str>) -> u32 {
    let digits = text
        .unwrap_or_default()
        .split(|c: char| !c.is_ascii_digit());
    digits
        .into_iter()
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0)
}

/// An error of the system in its own words, without Rust's number.
pub(crate) fn plain(error: &io::Error) -> String {
    let text = match error.get_ref() {
        Some(inner) => inner
            .source()
            .map_or_else(|| inner.to_string(), ToString::to_string),
        None => error.to_string(),
    };
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_lowercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_off_what_servers_say() {
        for (text, expect) in [
            (Some("15.18 (Debian 15.18-0+deb12u1)"), 15),
            (Some("17beta1"), 17),
            (Some(""), 0),
            (None, 0),
        ] {
            assert_eq!(version(text), expect, "{text:?}");
        }
    }
}
