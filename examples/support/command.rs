//! What every command does: make its folder first, and say what went wrong.

use std::error::Error;
use std::fs;
use std::path::Path;
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

/// Makes the folder for what a command writes: before the work, so that a bad path does not cost a run.
pub(crate) fn make_folder(folder: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)
        .map_err(|error| format!("cannot make folder {}: {error}", folder.display()).into())
}
