import Foundation

/// What the real servers of these tests share: they come from PyPI and run as children.
enum PythonServer {
    /// A virtual environment with that package, made once and kept.
    ///
    /// `folder` names it within ``CogServer/cacheFolder``.
    static func environment(_ name: String, installing package: String) throws -> String {
        let cache = CogServer.cacheFolder
        let folder = "\(cache)/\(name)"
        try runScript(
            """
            set -e
            mkdir -p '\(cache)'
            exec 9>'\(folder).lock'
            flock 9
            test -e '\(folder)/.complete' && exit 0
            rm -rf '\(folder)'
            /usr/bin/python3 -m venv '\(folder)' || python3 -m venv '\(folder)'
            '\(folder)/bin/pip' install --quiet '\(package)'
            touch '\(folder)/.complete'
            """)
        return folder
    }

    /// Lets the server have the signals that a test's thread has blocked; it already leads its process group.
    static let launcher = """
        import os, signal, sys
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.execv(sys.argv[1], sys.argv[1:])
        """
}
