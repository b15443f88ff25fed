//! Framings as they are written: what is read is written, and read back as the same.

use sockbench::framing::{Framing, MOST};

/// The input is a framing.
pub fn check(data: &[u8]) {
    let Some(text) = super::text_of(data) else { return };
    match text.parse::<Framing>() {
        Ok(framing) => {
            let written = framing.to_string();
            assert_eq!(written.parse().as_ref(), Ok(&framing), "{written}");
            assert!((1..=MOST).contains(&framing.max()));
            assert!(framing.gap().is_none_or(|gap| gap.as_millis() > 0));
        }
        Err(error) => super::lies_in(text, &error.at),
    }
}
