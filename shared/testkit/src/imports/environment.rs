//! The environment of a module (WASI).

use super::{BAD_ARGUMENT, OK, fails};

/// What `vmConfig.env` of each plugin says.
const ENVIRONMENT: &[u8] = b"TESTKIT_SECRET_OF=another\0TESTKIT_SECRET=hunter=2\0EMPTY=\0";

#[unsafe(no_mangle)]
extern "C" fn environ_sizes_get(count: *mut usize, size: *mut usize) -> u32 {
    if fails("environ_sizes_get") {
        return BAD_ARGUMENT;
    }
    // SAFETY: valid for writing, as the ABI promises.
    unsafe {
        *count = ENVIRONMENT.iter().filter(|byte| **byte == 0).count();
        *size = ENVIRONMENT.len();
    }
    OK
}

#[unsafe(no_mangle)]
extern "C" fn environ_get(variables: *mut *mut u8, text: *mut u8) -> u32 {
    if fails("environ_get") {
        return BAD_ARGUMENT;
    }
    let mut to = text;
    for (number, variable) in ENVIRONMENT.split_inclusive(|byte| *byte == 0).enumerate() {
        // SAFETY: there is room for what `environ_sizes_get` says.
        unsafe {
            to.copy_from_nonoverlapping(variable.as_ptr(), variable.len());
            variables.add(number).write(to);
            to = to.add(variable.len());
        }
    }
    OK
}
