#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| bakehouse_fuzz::settings(input));
