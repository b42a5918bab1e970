//! Each real program, driven over its own stdin and stdout against the scripted model: one turn of text, one
//! tool call that is asked for and allowed. No Tenure in between.

mod acp;
mod claude;
pub(crate) mod driver;

mod pi;
mod told;

use tempfile::TempDir;
use tenure_model::Model;

/// What every test here starts with.
pub(crate) struct Ground {
    pub(crate) model: Model,
    pub(crate) scratch: TempDir,
    pub(crate) work: TempDir,
}

impl Ground {
    pub(crate) fn new() -> Self {
        Self {
            model: Model::start().unwrap(),
            scratch: TempDir::new().unwrap(),
            work: TempDir::new().unwrap(),
        }
    }

    /// The steps that were played, in the order in which the calls came.
    fn steps(&self) -> Vec<usize> {
        self.model.scripted_calls().iter().filter_map(|request| request.step).collect()
    }

    /// The file that the tool call of the test made.
    fn made(&self) -> String {
        std::fs::read_to_string(self.work.path().join("hello.txt")).unwrap()
    }
}
