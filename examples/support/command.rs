//! What every command does last: say what went wrong.

use std::error::Error;
use std::process::ExitCode;

/// The exit code of a command; its error goes to the user.
pub(crate) fn exit_code(result: Result<(), Box<dyn Error>>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
