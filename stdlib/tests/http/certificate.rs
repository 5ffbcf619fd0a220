//! Certificates as tests need them: of any age, for any name, signed by an authority of the test's own or by themselves.

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// A certificate and its key.
pub(crate) struct Certificate {
    pub(crate) der: CertificateDer<'static>,
    key: Vec<u8>,
    name: String,
}

/// From when to when, as `YYMMDDhhmmssZ`.
pub(crate) type Validity = (&'static str, &'static str);

pub(crate) const VALID: Validity = ("200101000000Z", "491231235959Z");
pub(crate) const EXPIRED: Validity = ("200101000000Z", "210101000000Z");

impl Certificate {
    pub(crate) fn authority() -> Self {
        Self::new("test authority", None, VALID, None)
    }

    pub(crate) fn self_signed(host: &str) -> Self {
        Self::new(host, Some(host), VALID, None)
    }

    /// For that host, signed by this one.
    pub(crate) fn sign(&self, host: &str, validity: Validity) -> Self {
        Self::new(host, Some(host), validity, Some(self))
    }

    pub(crate) fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.clone()).into()
    }

    fn new(name: &str, host: Option<&str>, validity: Validity, by: Option<&Self>) -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let key = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        let key = key.as_ref().to_vec();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, &key, &random).expect("that key");

        // OIDs: ecdsa-with-SHA256, id-ecPublicKey, prime256v1, commonName, basicConstraints, subjectAltName.
        let signing = sequence(&[oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2])]);
        let curve = sequence(&[
            oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]),
            oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]),
        ]);
        let distinguished = |name: &str| {
            let attribute = sequence(&[oid(&[0x55, 4, 3]), tag(0x0c, name.as_bytes())]);
            sequence(&[tag(0x31, &attribute)])
        };
        let extension = match host {
            None => {
                let constraints = sequence(&[tag(0x01, &[0xff])]);
                sequence(&[
                    oid(&[0x55, 0x1d, 0x13]),
                    tag(0x01, &[0xff]),
                    tag(0x04, &constraints),
                ])
            }
            Some(host) => {
                let names = sequence(&[match host.parse::<std::net::Ipv4Addr>() {
                    Ok(address) => tag(0x87, &address.octets()),
                    Err(_) => tag(0x82, host.as_bytes()),
                }]);
                sequence(&[oid(&[0x55, 0x1d, 0x11]), tag(0x04, &names)])
            }
        };
        let to_be_signed = sequence(&[
            tag(0xa0, &tag(0x02, &[2])),
            tag(0x02, &[1]),
            signing.clone(),
            distinguished(by.map_or(name, |by| &by.name)),
            sequence(&[
                tag(0x17, validity.0.as_bytes()),
                tag(0x17, validity.1.as_bytes()),
            ]),
            distinguished(name),
            sequence(&[curve, bits(pair.public_key().as_ref())]),
            tag(0xa3, &sequence(&[extension])),
        ]);
        let signer = by.map(|by| EcdsaKeyPair::from_pkcs8(algorithm, &by.key, &random));
        let signer = signer.map_or(pair, |signer| signer.expect("its key"));
        let signature = signer.sign(&random, &to_be_signed).expect("a signature");
        let der = sequence(&[to_be_signed, signing, bits(signature.as_ref())]);
        Self {
            der: der.into(),
            key,
            name: name.into(),
        }
    }
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tag(0x30, &parts.concat())
}

fn oid(bytes: &[u8]) -> Vec<u8> {
    tag(0x06, bytes)
}

fn bits(bytes: &[u8]) -> Vec<u8> {
    tag(0x03, &[&[0], bytes].concat())
}

fn tag(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = match content.len() {
        short @ 0..128 => vec![short as u8],
        medium @ 128..256 => vec![0x81, medium as u8],
        long => {
            let bytes = (long as u16).to_be_bytes();
            vec![0x82, bytes[0], bytes[1]]
        }
    };
    [&[tag][..], &length, content].concat()
}
