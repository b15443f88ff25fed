//! Endpoint URLs: what is read is written, and read back as the same.

use sockbench::endpoint::{Endpoint, ValueKind, format_duration, format_size, parse_duration, parse_size};

/// The input is a URL, or part of one.
pub fn check(data: &[u8]) {
    let Some(text) = super::text_of(data) else { return };
    match text.parse::<Endpoint>() {
        Ok(endpoint) => is_written_and_read(&endpoint),
        Err(error) => super::lies_in(text, &error.at),
    }
    if let Ok(time) = parse_duration(text) {
        let written = format_duration(time);
        assert_eq!(parse_duration(&written), Ok(time), "{written}");
    }
    if let Ok(size) = parse_size(text) {
        assert_eq!(parse_size(&format_size(size)), Ok(size));
    }
}

fn is_written_and_read(endpoint: &Endpoint) {
    let url = endpoint.to_string();
    assert_eq!(url.parse().as_ref(), Ok(endpoint), "{url}");

    // The form takes it apart, and puts it together again.
    let address = endpoint.address.to_string();
    let mut rebuilt = Endpoint::from_parts(endpoint.scheme, &address).unwrap_or_else(|why| panic!("{address}: {why}"));
    assert_eq!(rebuilt.to_string(), endpoint.base_url());
    for (spec, value) in endpoint.options() {
        let written = value.to_string();
        rebuilt.set_option(spec.name, &written).unwrap_or_else(|why| panic!("{}={written}: {why}", spec.name));
    }
    assert_eq!(&rebuilt, endpoint);

    for (spec, _) in endpoint.options() {
        rebuilt.clear_option(spec.name);
        assert!(rebuilt.set_option(spec.name, "").is_err() || spec.kind == ValueKind::Path, "{}", spec.name);
    }
}
