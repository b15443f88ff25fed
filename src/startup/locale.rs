//! What the locale says of the terminal's charset.
//!
//! Owns which locales name one that is not UTF-8. It never asks the terminal, which would not know.

use std::ffi::OsString;
use std::io::IsTerminal;

use crate::log::sanitise::Repertoire;

/// Whether the locale of the environment names a charset that is not UTF-8.
///
/// One that names none says nothing here: `C`, `POSIX`, and no locale at all are what containers and SSH sessions have
/// in terminals of UTF-8, and so is `en_US` where all that there is is UTF-8 (musl, macOS).
pub(super) fn names_another_charset() -> bool {
    // The order is that of POSIX.1-2024, Base Definitions 8.2.
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(std::env::var_os)
        .find(|value| !value.is_empty())
        .is_some_and(|value: OsString| is_of_another_charset(&value.to_string_lossy()))
}

/// What can be written to this: anything, unless it is a terminal of another charset than UTF-8.
pub(crate) fn repertoire_of(output: &impl IsTerminal) -> Repertoire {
    if output.is_terminal() && names_another_charset() { Repertoire::Ascii } else { Repertoire::Unicode }
}

/// Whether a locale, `language_TERRITORY.charset@modifier`, names a charset that is not UTF-8.
fn is_of_another_charset(locale: &str) -> bool {
    let (name, modifier) = locale.split_once('@').unwrap_or((locale, ""));
    let charset: String = name.split_once('.').map_or("", |(_, charset)| charset).to_lowercase();
    match charset.replace(|c: char| !c.is_alphanumeric(), "").as_str() {
        // It stands for ISO 8859-15, the one of the Latin charsets that has the sign.
        "" => modifier == "euro",
        charset => charset != "utf8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_locale_that_names_another_charset_is_of_one() {
        for utf8 in
            ["", "C", "POSIX", "en_US", "C.UTF-8", "en_US.utf8", "ja_JP.Utf_8", "de_DE.UTF-8@euro", "sr_RS@latin"]
        {
            assert!(!is_of_another_charset(utf8), "{utf8}");
        }
        for other in
            ["en_US.ISO-8859-1", "de_DE@euro", "de_DE.ISO8859-15@euro", "ru_RU.KOI8-R", "ja_JP.eucJP", "C.ISO-8859-1"]
        {
            assert!(is_of_another_charset(other), "{other}");
        }
    }
}
