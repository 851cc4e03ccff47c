use super::*;
use std::error::Error as _;

const ONE: &str = include_str!("tests/authority.pem");

fn read(text: &str) -> Result<usize, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authorities.pem");
    fs::File::create(&path).and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes())).unwrap();
    let file = CertificateFile { variable: "SSL_CERT_FILE", path: path.clone() };
    let certificates = file.read().map_err(|error| error.to_string());
    certificates.map(|all| all.len()).map_err(|error| error.replace(&path.display().to_string(), "FILE"))
}

/// As OpenSSL writes one with what it is trusted for: another value follows in it.
fn trusted() -> String {
    let mut der = STANDARD.decode(bodies(ONE).concat()).unwrap();
    der.extend([0x30, 0x06, 0x30, 0x04, 0x06, 0x02, 0x2a, 0x03]);
    let body = STANDARD.encode(der);
    format!("-----BEGIN TRUSTED CERTIFICATE-----\n{body}\n-----END TRUSTED CERTIFICATE-----\n")
}

#[test]
fn c_19_authorities_are_read_from_a_bundle_whatever_is_around_them() {
    let list = "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n";
    assert_eq!(read(ONE), Ok(1));
    assert_eq!(read(&format!("# a comment\r\n{ONE}{list}{}{ONE}", trusted())), Ok(3));
    assert_eq!(read(&ONE.replace('\n', "\r\n")), Ok(1));
}

#[test]
fn c_19_a_file_without_a_sound_certificate_is_refused_and_named() {
    let empty = "FILE, which `SSL_CERT_FILE` names, holds no certificate in PEM";
    let damaged = "certificate 2 in FILE, which `SSL_CERT_FILE` names, is damaged";
    assert_eq!(read("").unwrap_err(), empty);
    assert_eq!(read("-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n").unwrap_err(), empty);
    assert_eq!(
        read(&format!("{ONE}-----BEGIN CERTIFICATE-----\nMA\n-----END CERTIFICATE-----\n")).unwrap_err(),
        damaged
    );
    assert_eq!(read(&format!("{ONE}{}", ONE.get(..200).unwrap())).unwrap_err(), damaged);
}

#[test]
fn c_19_what_has_no_end_or_waits_for_somebody_is_not_read() {
    for path in ["/dev/zero", "/"] {
        let error = CertificateFile { variable: "SSL_CERT_FILE", path: path.into() }.read().unwrap_err();
        assert_eq!(error.source().unwrap().to_string(), "it is no regular file");
    }
}

#[test]
fn c_19_a_file_that_is_not_there_is_an_error_for_https_and_for_nothing_else() {
    let file = CertificateFile { variable: "CODEX_CA_CERTIFICATE", path: "/nonexistent".into() };
    let network = Network::trusting(file);
    let client = |issuer| network.client(&IssuerUrl::parse(issuer).unwrap());

    assert!(client("http://127.0.0.1:8080").is_ok());
    let Err(HttpError::Certificates(error)) = client("https://id.example.org") else { panic!("not read") };
    assert_eq!(error.to_string(), "cannot read /nonexistent, which `CODEX_CA_CERTIFICATE` names");
}
