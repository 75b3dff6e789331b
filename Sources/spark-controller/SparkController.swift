import ArgumentParser
import ControlPlane

@main
struct SparkController {
    static func main() async {
        await ControllerCommand.main()
    }
}
