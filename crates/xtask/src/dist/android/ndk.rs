//! Google's compiler and linker for Android, and what they are told for each kind of device.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;

/// The oldest Android that the library is linked for; the AAR's manifest says the same.
const LEVEL: u32 = 24;

/// Devices with pages of 16 KB load no library that is aligned to less. The newest NDKs do this by themselves.
const PAGES: &str = "-C link-arg=-Wl,-z,max-page-size=16384";

/// One kind of device.
pub(super) struct Abi {
    /// As Android calls it.
    pub(super) name: &'static str,
    /// As rustup calls it.
    pub(super) triple: &'static str,
    /// As the NDK's compilers are called, before the level.
    clang: &'static str,
}

/// What Google Play asks for, and emulators.
pub(super) const ABIS: [Abi; 3] = [
    Abi { name: "arm64-v8a", triple: "aarch64-linux-android", clang: "aarch64-linux-android" },
    Abi { name: "armeabi-v7a", triple: "armv7-linux-androideabi", clang: "armv7a-linux-androideabi" },
    Abi { name: "x86_64", triple: "x86_64-linux-android", clang: "x86_64-linux-android" },
];

impl Abi {
    /// Whether rustup, or whoever installed this Rust, has brought its standard library.
    pub(super) fn is_installed(&self) -> io::Result<bool> {
        let asked = Command::new("rustc").args(["--print", "target-libdir", "--target", self.triple]).output()?;
        let folder = PathBuf::from(String::from_utf8_lossy(&asked.stdout).trim());
        Ok(asked.status.success() && folder.is_dir())
    }
}

/// An installed NDK.
pub(super) struct Ndk {
    bin: PathBuf,
}

impl Ndk {
    /// Where the environment says that it is; else why it is not there.
    pub(super) fn find(env: impl Fn(&str) -> Option<OsString>) -> Result<Self, String> {
        let home = ["ANDROID_NDK_HOME", "ANDROID_NDK_ROOT"].into_iter().find_map(env);
        let home = PathBuf::from(home.ok_or("no NDK: ANDROID_NDK_HOME names none")?);
        // One folder, named after this machine's system.
        let hosts = fs::read_dir(home.join("toolchains/llvm/prebuilt"));
        let host = hosts.ok().and_then(|mut all| all.next()).and_then(Result::ok);
        let bin = host.ok_or_else(|| format!("no NDK in {}", home.display()))?.path().join("bin");
        Ok(Self { bin })
    }

    /// What cargo and the build scripts of crates with C code need to be told.
    pub(super) fn env(&self, abi: &Abi) -> Vec<(String, OsString)> {
        let upper = abi.triple.to_uppercase().replace('-', "_");
        let lower = abi.triple.replace('-', "_");
        let suffix = if cfg!(windows) { ".cmd" } else { "" };
        let clang = self.bin.join(format!("{}{LEVEL}-clang{suffix}", abi.clang));
        let ar = self.bin.join(format!("llvm-ar{}", std::env::consts::EXE_SUFFIX));
        vec![
            (format!("CARGO_TARGET_{upper}_LINKER"), clang.clone().into()),
            (format!("CARGO_TARGET_{upper}_RUSTFLAGS"), PAGES.into()),
            (format!("CC_{lower}"), clang.into()),
            (format!("AR_{lower}"), ar.into()),
        ]
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::{env, fs, io, process};

    use super::{ABIS, Abi, Ndk, OsString, PathBuf};

    /// Folders as an NDK has them.
    fn installed(name: &str) -> io::Result<PathBuf> {
        let home = env::temp_dir().join(format!("xtask-ndk-{}-{name}", process::id()));
        fs::create_dir_all(home.join("toolchains/llvm/prebuilt/linux-x86_64/bin"))?;
        Ok(home)
    }

    #[test]
    fn the_ndk_is_where_either_variable_says() {
        let home = installed("either").unwrap();
        for set in ["ANDROID_NDK_HOME", "ANDROID_NDK_ROOT"] {
            let ndk = Ndk::find(|name| (name == set).then(|| home.clone().into())).unwrap();
            assert_eq!(ndk.bin, home.join("toolchains/llvm/prebuilt/linux-x86_64/bin"));
        }
        fs::remove_dir_all(home).unwrap();
    }

    #[test]
    fn an_ndk_that_is_not_there_is_a_reason_and_not_a_guess() {
        assert!(Ndk::find(|_| None).err().unwrap().contains("ANDROID_NDK_HOME"));
        assert!(Ndk::find(|_| Some(OsString::from("/nowhere"))).err().unwrap().contains("/nowhere"));
    }

    #[test]
    fn each_abi_has_its_own_compiler_and_pages_of_16_kb() {
        let home = installed("env").unwrap();
        let ndk = Ndk::find(|_| Some(home.clone().into())).unwrap();
        let of = |abi: &Abi, wanted: &str| {
            let env = ndk.env(abi);
            env.into_iter().find(|(name, _)| name == wanted).unwrap().1.into_string().unwrap()
        };
        let linker = of(&ABIS[1], "CARGO_TARGET_ARMV7_LINUX_ANDROIDEABI_LINKER");
        assert!(linker.ends_with("/bin/armv7a-linux-androideabi24-clang"), "{linker}");
        let flags = of(&ABIS[0], "CARGO_TARGET_AARCH64_LINUX_ANDROID_RUSTFLAGS");
        assert!(flags.contains("max-page-size=16384"), "{flags}");
        assert!(of(&ABIS[2], "AR_x86_64_linux_android").ends_with("/bin/llvm-ar"));
        fs::remove_dir_all(home).unwrap();
    }
}
