#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fsm_fuzz::json_bodies(data));
