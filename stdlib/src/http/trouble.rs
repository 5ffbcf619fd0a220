//! Why a request had no answer: one word for each cause, read off the errors of the libraries here and nowhere else.

use pb_core::{Failure, code};
use rustls::{CertificateError, Error as TlsError, pki_types::UnixTime};
use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

/// Why a request had no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// What was given cannot be asked.
    #[error("{0}")]
    Request(String),
    /// An address that pb never asks.
    #[error("`{host}` is at {address}, a link-local address or a cloud's metadata service")]
    Forbidden {
        /// As it was asked for.
        host: String,
        /// What it led to.
        address: IpAddr,
    },
    /// The name leads nowhere.
    #[error("the name `{host}` could not be resolved: {why}")]
    Unresolved {
        /// The name.
        host: String,
        /// In the words of the resolver.
        why: String,
    },
    /// Nothing listens there.
    #[error("the connection was refused")]
    Refused,
    /// No way leads there.
    #[error("the host could not be reached: {0}")]
    NoRoute(String),
    /// The other side gave the connection up.
    #[error("the connection was reset")]
    Reset,
    /// The other side closed the connection without an answer.
    #[error("the connection was closed before the answer was whole")]
    Closed,
    /// There was no answer in time.
    #[error("there was no answer within {}", seconds(*.0))]
    NoAnswer(Duration),
    /// An answer began and did not end in time.
    #[error("it answered {status}, but the body did not end within {}", seconds(*.after))]
    NoEnd {
        /// The status that it began with.
        status: u16,
        /// What it was given.
        after: Duration,
    },
    /// The encrypted connection could not be made.
    #[error("TLS: {0}")]
    Tls(Tls),
    /// What came is no HTTP.
    #[error("the answer was no HTTP: {0}")]
    NoHttp(String),
    /// Redirects that lead nowhere.
    #[error("{0}")]
    Redirects(String),
    /// Something else, in the words of the library.
    #[error("{0}")]
    Other(String),
}

/// Why an encrypted connection could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Tls {
    /// Too old.
    #[error("the certificate expired{}", ago(*.0))]
    Expired(Option<Duration>),
    /// Too new.
    #[error("the certificate is not valid yet")]
    NotYetValid,
    /// For somebody else.
    #[error("the certificate is not for `{host}`{}", names(.presented))]
    WrongName {
        /// Who was asked for.
        host: String,
        /// Whom it is for.
        presented: Vec<String>,
    },
    /// Signed by nobody that is trusted.
    #[error(
        "the certificate is self-signed, or signed by an authority that this machine does not trust"
    )]
    Untrusted,
    /// The server speaks something else.
    #[error("the server does not speak it at this port")]
    NotSpoken,
    /// Something else, in the words of the library.
    #[error("{0}")]
    Other(String),
}

impl Trouble {
    /// Whether the next look would end the same way, whatever time does.
    pub fn lasts(&self) -> bool {
        matches!(self, Self::Request(_) | Self::Forbidden { .. })
    }

    /// Whether it comes before anything is sent.
    pub(super) fn is_before_sending(&self) -> bool {
        match self {
            Self::Request(_)
            | Self::Forbidden { .. }
            | Self::Unresolved { .. }
            | Self::Refused
            | Self::NoRoute(_)
            | Self::Tls(_) => true,
            Self::Reset
            | Self::Closed
            | Self::NoAnswer(_)
            | Self::NoEnd { .. }
            | Self::NoHttp(_)
            | Self::Redirects(_)
            | Self::Other(_) => false,
        }
    }

    /// An edit that helps.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Tls(Tls::NotSpoken) => Some("write http:// instead of https://"),
            Self::NoHttp(_) => Some("where the server speaks TLS, write https://"),
            _ => None,
        }
    }

    /// The failure of a call that wanted an answer; `what` is such as `GET http://…`.
    pub fn failure(&self, what: &str) -> Failure {
        let (code, said) = match self {
            Self::Request(_) => (&code::WRONG_TYPE, "could not be sent"),
            Self::Forbidden { .. } => (&code::FORBIDDEN_ADDRESS, "was not sent"),
            Self::Tls(_) => (&code::TLS, "had no answer"),
            Self::Redirects(_) => (&code::HTTP_STATUS, "had no answer"),
            _ => (&code::UNREACHABLE, "had no answer"),
        };
        let failure = Failure::new(code, format!("`{what}` {said}")).because(self.to_string());
        let failure = match self.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        };
        match self.lasts() {
            true => failure,
            false => failure.retryable(),
        }
    }

    /// Reads the cause off the chain of errors.
    pub(super) fn of(error: &reqwest::Error) -> Self {
        let mut next: Option<&(dyn Error + 'static)> = Some(error);
        let mut last = None;
        while let Some(error) = next {
            if let Some(known) = known(error) {
                return known;
            }
            last = Some(error);
            // An io::Error gives the source of what it holds, not what it holds.
            next = match error
                .downcast_ref::<io::Error>()
                .and_then(io::Error::get_ref)
            {
                Some(inner) => Some(inner),
                None => error.source(),
            };
        }
        Self::Other(last.unwrap_or(error).to_string())
    }
}

fn known(error: &(dyn Error + 'static)) -> Option<Trouble> {
    if let Some(trouble) = error.downcast_ref::<Trouble>() {
        return Some(trouble.clone());
    }
    if let Some(error) = error.downcast_ref::<TlsError>() {
        return Some(Trouble::Tls(tls(error)));
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return http(error);
    }
    let error = error.downcast_ref::<io::Error>()?;
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Some(Trouble::Refused),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => Some(Trouble::Reset),
        io::ErrorKind::UnexpectedEof => Some(Trouble::Closed),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            Some(Trouble::NoRoute(error.kind().to_string()))
        }
        _ => None,
    }
}

fn http(error: &hyper::Error) -> Option<Trouble> {
    if error.is_parse() {
        Some(Trouble::NoHttp(error.to_string()))
    } else if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        Some(Trouble::Closed)
    } else {
        None
    }
}

fn tls(error: &TlsError) -> Tls {
    match error {
        TlsError::InvalidMessage(rustls::InvalidMessage::InvalidContentType) => Tls::NotSpoken,
        TlsError::InvalidCertificate(error) => match error {
            CertificateError::Expired => Tls::Expired(None),
            CertificateError::ExpiredContext { time, not_after } => {
                Tls::Expired(Some(between(*not_after, *time)))
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Tls::NotYetValid
            }
            CertificateError::NotValidForName => Tls::WrongName {
                host: "this host".into(),
                presented: vec![],
            },
            CertificateError::NotValidForNameContext {
                expected,
                presented,
            } => Tls::WrongName {
                host: expected.to_str().into_owned(),
                presented: presented.clone(),
            },
            CertificateError::UnknownIssuer => Tls::Untrusted,
            // A certificate made by `openssl req -x509` calls itself an authority.
            CertificateError::Other(other)
                if format!("{other:?}").contains("CaUsedAsEndEntity") =>
            {
                Tls::Untrusted
            }
            other => Tls::Other(format!("the certificate was refused: {other}")),
        },
        other => Tls::Other(other.to_string()),
    }
}

fn between(from: UnixTime, to: UnixTime) -> Duration {
    Duration::from_secs(to.as_secs().saturating_sub(from.as_secs()))
}

fn ago(time: Option<Duration>) -> String {
    const HOUR: u64 = 3600;
    const DAY: u64 = 24 * HOUR;
    let many = |n: u64, unit: &str| {
        let s = if n == 1 { "" } else { "s" };
        format!(" {n} {unit}{s} ago")
    };
    match time.map(|time| time.as_secs()) {
        None => String::new(),
        Some(seconds @ DAY..) => many(seconds / DAY, "day"),
        Some(seconds @ HOUR..) => many(seconds / HOUR, "hour"),
        Some(seconds) => many(seconds / 60, "minute"),
    }
}

fn names(presented: &[String]) -> String {
    if presented.is_empty() {
        return String::new();
    }
    let presented = crate::outside_text::one_line(&presented.join(", "), 120);
    format!(", it is for {presented}")
}

pub(super) fn seconds(time: Duration) -> String {
    pb_core::Span(Duration::from_millis(time.as_millis() as u64)).to_string()
}
