import Foundation
import Pretraining
import TestSupport
import Testing
import Torch

@Suite struct ProgramTests {
  @Test("help and version are printed with exit code 0, wrong usage with 2")
  func usage() throws {
    let program = try Program()
    defer { program.remove() }
    let help = try program.run("--help")
    #expect(help.exitCode == 0)
    #expect(help.output.contains("SUBCOMMANDS:"))
    let version = try program.run("--version")
    #expect(version.exitCode == 0 && version.output == SimCLRVersion.current + "\n")
    for arguments in [
      ["pretrain"], ["no-such-command"], ["evaluate", "knn"], ["pretrain", "recipe.yaml"],
      ["data", "shapes", "tiny", "--size", "10000"], ["data", "inspect", "shapes", "--threads", "100000"],
      ["benchmark", "augment", "--data", "shapes", "--threads", "100000"],
    ] {
      let outcome = try program.finish(program.start(arguments))
      #expect(outcome.exitCode == 2, "\(arguments)")
      #expect(outcome.errors.hasPrefix("Error: "), "\(arguments)")
    }
  }

  @Test("on a processor without the instructions that it is compiled for, the program says so and does nothing")
  func oldProcessor() throws {
    let program = try Program()
    defer { program.remove() }
    for command in ["doctor", "data shapes drawn", "--version"] {
      let outcome = try program.shell("GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-FMA simclr \(command)")
      #expect(outcome.exitCode == 1 && outcome.output.isEmpty)
      #expect(
        outcome.errors == "error: this processor lacks AVX2, FMA; simclr needs one of x86-64-v3: Intel's since Haswell "
          + "(2013), AMD's since Zen (2017). In a virtual machine, choose its host's kind of processor\n")
    }
    #expect(!FileManager.default.fileExists(atPath: program.folder.path + "/drawn"))
  }

  @Test("a wrong configuration ends with exit code 2 and one line naming the place")
  func configuration() throws {
    let program = try Program()
    defer { program.remove() }
    let unknown = try program.run("pretrain", "recipe.yaml", "training.epoch=3", "--output", "run")
    #expect(unknown.exitCode == 2)
    #expect(
      unknown.errors
        == "error: override 'training.epoch=3': unknown key 'training.epoch': did you mean training.epochs?\n"
    )
    let missing = try program.run("pretrain", "none.yaml", "--output", "run")
    #expect(missing.exitCode == 2)
    #expect(missing.errors.hasSuffix("none.yaml: no such file\n"))
  }

  @Test("what is wrong with data and runs ends with exit code 1 and one line, what the machine cannot do with 2")
  func plainErrors() throws {
    let program = try Program()
    defer { program.remove() }
    let cases: [(arguments: [String], text: String)] = [
      (["pretrain", "recipe.yaml", "data.path=nowhere", "--output", "run"], "nowhere"),
      (["evaluate", "knn", "nowhere", "--data", "data"], "holds no run"),
      (["export", "nowhere", "--output", "x.safetensors"], "holds no run"),
    ]
    for (arguments, text) in cases {
      let outcome = try program.finish(program.start(arguments))
      #expect(outcome.exitCode == 1, "\(arguments)")
      #expect(outcome.errors.hasPrefix("error: ") && outcome.errors.contains(text), "\(outcome.errors)")
      #expect(outcome.errors.split(separator: "\n").count <= 2, "\(outcome.errors)")
    }
    #expect(!FileManager.default.fileExists(atPath: program.folder.appendingPathComponent("run").path))
    if CUDA.deviceCount == 0 {
      let cuda = try program.run("pretrain", "recipe.yaml", "training.device=cuda", "--output", "run")
      #expect(cuda.exitCode == 2)
      #expect(cuda.errors.hasPrefix("error: training.device: CUDA is not available: "))
    }
  }

  @Test("pretrain, evaluate, embed and export work together; --json prints one object and nothing else")
  func wholePath() throws {
    let program = try Program()
    defer { program.remove() }
    let training = try program.run("pretrain", "recipe.yaml", "--output", "run")
    #expect(training.exitCode == 0)
    #expect(training.output.isEmpty, "progress belongs on standard error when standard output is no terminal")
    #expect(training.errors.contains("done after 20 steps"))
    for arguments in [["knn"], ["linear"], ["knn", "--random-initialization"], ["linear", "--random-initialization"]] {
      let running = try program.start(["evaluate"] + arguments + ["run", "--data", "data", "--json"])
      let outcome = try program.finish(running)
      #expect(outcome.exitCode == 0, "\(outcome.errors)")
      let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
      #expect(object?["top1"] is Double)
      #expect(object?["is_random_initialization"] as? Bool == (arguments.count == 2))
      let hash = object?["encoder_hash"] as? [String: String]
      #expect(hash?["before"]?.count == 64 && hash?["before"] == hash?["after"])
      let baseline = object?["baseline"] as? [String: Any]
      #expect((baseline == nil) == (arguments.count == 2))
      #expect(baseline?["encoder_hash"] as? String != hash?["before"])
    }
    let folds = try program.run("evaluate", "knn", "run", "--data", "data", "--fold", "3")
    #expect(folds.exitCode == 1 && folds.errors.contains("only STL-10 has folds"), "\(folds.errors)")
    for wrong in [["--fold", "10"], ["--fold", "all", "--classes", "x"]] {
      #expect(try program.finish(program.start(["evaluate", "knn", "run", "--data", "data"] + wrong)).exitCode == 2)
    }
    let results = try FileManager.default.contentsOfDirectory(atPath: program.folder.path + "/run/evaluation").sorted()
    #expect(results == ["knn-random.json", "knn.json", "linear-random.json", "linear.json"])
    #expect(try program.run("export", "run", "--output", "encoder.safetensors").exitCode == 0)
    let export = try SafeTensors(contentsOf: program.folder.appendingPathComponent("encoder.safetensors"))
    #expect(export.metadata["architecture"] == "resnet18")
    #expect(export.tensors.contains { $0.name == "layer4.1.bn2.running_var" })
    #expect(try program.run("embed", "run", "--data", "data", "--output", "e.safetensors").exitCode == 0)
    let embedded = try SafeTensors.load(program.folder.appendingPathComponent("e.safetensors"))
    #expect(embedded["features"]?.shape == [20, 32])
    #expect(embedded["labels"]?.array(of: Int.self) == Array(repeating: 0, count: 10) + Array(repeating: 1, count: 10))
  }

  @Test("classifiers of all protocols and several data sets are measured, and choosing never takes what is given")
  func protocols() throws {
    let program = try Program()
    defer { program.remove() }
    #expect(try program.run("pretrain", "recipe.yaml", "--output", "run").exitCode == 0)
    let data = ["run", "--data", "data", "--no-baseline"]
    for arguments in [
      ["knn", "--choose"], ["linear", "--protocol", "lbfgs"], ["linear", "--protocol", "simclr", "--epochs", "2"],
      ["finetune", "--labels", "50", "--epochs", "1", "--batch-size", "4"],
    ] {
      let outcome = try program.finish(program.start(["evaluate"] + arguments + data))
      #expect(outcome.exitCode == 0 && outcome.output.contains("  top-1 "), "\(outcome.errors)")
    }
    let table = try program.run("evaluate", "transfer", "run", "--data", "data", "--data", "./data")
    #expect(table.exitCode == 0, "\(table.errors)")
    #expect(table.output.split(separator: "\n").count == 5 && table.output.hasPrefix("data    protocol"))
    let folder = program.folder.appendingPathComponent("run/evaluation")
    func object(_ name: String) throws -> [String: Any] {
      let data = try Data(contentsOf: folder.appendingPathComponent("\(name).json"))
      return try JSONSerialization.jsonObject(with: data) as! [String: Any]
    }
    #expect(try object("knn-chosen")["choice"] != nil && object("linear-lbfgs")["choice"] != nil)
    #expect((try object("linear-simclr")["curve"] as? [Any])?.count == 2)
    #expect(try object("finetune-50")["train_count"] as? Int == 10)
    #expect((try object("transfer")["results"] as? [Any])?.count == 4)
    #expect(try object("transfer-data-2-knn")["baseline"] != nil)
    for wrong in [
      ["knn", "--choose", "--neighbors", "3"], ["linear", "--protocol", "lbfgs", "--epochs", "3"],
      ["linear", "--regularization", "1"], ["finetune"], ["finetune", "--labels", "0"],
    ] {
      #expect(try program.finish(program.start(["evaluate"] + wrong + data)).exitCode == 2, "\(wrong)")
    }
  }

  @Test("images are laid out on a plane and measured without labels")
  func withoutLabels() throws {
    let program = try Program()
    defer { program.remove() }
    #expect(try program.run("pretrain", "recipe.yaml", "--output", "run").exitCode == 0)
    let plane = try program.run("evaluate", "tsne", "run", "--data", "data", "--perplexity", "2", "--iterations", "10")
    #expect(plane.exitCode == 0 && plane.output.hasPrefix("tsne  KL divergence "), "\(plane.errors)")
    let folder = program.folder.appendingPathComponent("run/evaluation")
    let rows = try String(contentsOf: folder.appendingPathComponent("tsne.csv"), encoding: .utf8).split(separator: "\n")
    #expect(rows.count == 11 && rows[0] == "x,y,label,class,name")
    #expect(rows[1].contains(",0,\"cat\",\"") && rows[10].contains(",1,\"dog\",\""))
    for kind in ["svg", "png", "json"] {
      #expect(FileManager.default.fileExists(atPath: folder.appendingPathComponent("tsne.\(kind)").path))
    }
    let few = try program.run("evaluate", "tsne", "run", "--data", "data")
    #expect(few.exitCode == 1 && few.errors.contains("10 images are too few for a perplexity of 30.0"))
    let measures = try program.run(
      "evaluate", "label-free", "run", "--data", "data", "--images", "8", "--views", "2", "--json")
    #expect(measures.exitCode == 0, "\(measures.errors)")
    let object = try JSONSerialization.jsonObject(with: Data(measures.output.utf8)) as! [String: Any]
    #expect((object["measures"] as? [String: Any])?["rank_me"] is Double && object["baseline"] is [String: Any])
    #expect(try program.run("evaluate", "label-free", "run", "--data", "data", "--views", "3").exitCode == 2)
  }

  @Test("what lies among images and is not used is named by every command, and classes are joined by name")
  func contentsOfFolders() throws {
    let program = try Program()
    defer { program.remove() }
    let data = program.folder.appendingPathComponent("data")
    try FileManager.default.createDirectory(
      at: data.appendingPathComponent("train/@eaDir"), withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      at: data.appendingPathComponent("train/cat/0.jpg"), to: data.appendingPathComponent("train/@eaDir/THUMB.jpg"))
    try Data("a note".utf8).write(to: data.appendingPathComponent("train/dog/note.txt"))
    try FileManager.default.createDirectory(
      at: data.appendingPathComponent("train/eel"), withIntermediateDirectories: true)
    try FileManager.default.removeItem(at: data.appendingPathComponent("test/dog"))
    let unused = "1 left by the system (@eaDir), 1 .txt (dog/note.txt)"
    let trained = try program.run("pretrain", "recipe.yaml", "training.epochs=1", "--output", "run")
    #expect(
      trained.exitCode == 0 && trained.errors.contains("20 images, ") && trained.errors.contains("not used: \(unused)"))
    let judged = try program.run("evaluate", "knn", "run", "--data", "data", "--json")
    #expect(judged.exitCode == 0, "\(judged.errors)")
    for line in ["not used of train: \(unused)", "no train images of 1 class: eel", "no test images of 1 class: dog"] {
      #expect(judged.errors.contains(line))
    }
    let inspected = try program.run("data", "inspect", "data")
    #expect(inspected.output.contains("  not used  1 left by the system (@eaDir)\n            1 .txt (dog/note.txt)\n"))
    try FileManager.default.moveItem(
      at: data.appendingPathComponent("test/cat"), to: data.appendingPathComponent("test/yak"))
    let refused = try program.run("evaluate", "knn", "run", "--data", "data")
    #expect(refused.exitCode == 1)
    #expect(refused.errors.contains("5 test images are of classes that no train image has (1, first: 'yak', as "))
  }

  @Test("SIGTERM saves and leaves with exit code 75, and --resume ends with the bits of an undisturbed run")
  func stopAndResume() throws {
    let program = try Program()
    defer { program.remove() }
    #expect(try program.run("pretrain", "recipe.yaml", "--output", "whole").exitCode == 0)
    let running = try program.start(["pretrain", "recipe.yaml", "--output", "parts"])
    try waitForSteps(2, in: program.folder.appendingPathComponent("parts"), of: running.process)
    kill(running.process.processIdentifier, SIGTERM)
    let stopped = try program.finish(running)
    #expect(stopped.exitCode == 75)
    #expect(stopped.errors.contains("Go on with the same command and --resume"))
    #expect(try program.run("pretrain", "recipe.yaml", "--output", "parts", "--resume").exitCode == 0)
    try expectSameWeights(program, "whole", "parts")
  }

  @Test("SIGKILL at any moment loses nothing but the steps since the last checkpoint")
  func killAndResume() throws {
    let program = try Program()
    defer { program.remove() }
    #expect(try program.run("pretrain", "recipe.yaml", "--output", "whole").exitCode == 0)
    for steps in [1, 4, 5, 8] {
      let running = try program.start(["pretrain", "recipe.yaml", "--output", "parts", "--resume"])
      try waitForSteps(steps, in: program.folder.appendingPathComponent("parts"), of: running.process)
      kill(running.process.processIdentifier, SIGKILL)
      _ = try program.finish(running)
    }
    #expect(try program.run("pretrain", "recipe.yaml", "--output", "parts", "--resume").exitCode == 0)
    try expectSameWeights(program, "whole", "parts")
  }

  @Test("a disk that takes no more is a warning in the middle and ends the run with one line; a checkpoint stays whole")
  func fullDisk() throws {
    let program = try Program()
    defer { program.remove() }
    #expect(try program.run("pretrain", "recipe.yaml", "training.maximum_steps=3", "--output", "run").exitCode == 0)
    // A limit on the size of files stands for the disk: weights no longer fit, metrics do.
    let full = try program.shell(
      "ulimit -f 64; exec simclr pretrain recipe.yaml --output run --resume")
    #expect(full.exitCode == 1)
    #expect(full.errors.contains("warning: cannot write the checkpoint of step 5: "), "\(full.errors)")
    #expect(full.errors.contains("error: cannot write the checkpoint of step 20: "))
    #expect(full.errors.contains("Earlier checkpoints are untouched"))
    let run = RunFolder(program.folder.appendingPathComponent("run"))
    #expect(try Checkpoint.latest(in: run)?.position.step == 3)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: run.checkpointsURL.path).sorted() == [
        "latest", "step-00000003",
      ])
    _ = try run.encoder()
  }

  @Test("unreadable images are named once; one is borne, more than one in a hundred stop the run with a clear error")
  func badImages() throws {
    let program = try Program()
    defer { program.remove() }
    try Data("no image".utf8).write(to: program.folder.appendingPathComponent("data/train/cat/broken.jpg"))
    let one = try program.run("pretrain", "recipe.yaml", "--output", "run")
    #expect(one.exitCode == 0)
    #expect(one.errors.components(separatedBy: "broken.jpg").count == 2, "\(one.errors)")
    try Data("no image".utf8).write(to: program.folder.appendingPathComponent("data/train/cat/worse.jpg"))
    let two = try program.run("pretrain", "recipe.yaml", "--output", "another")
    #expect(two.exitCode == 1)
    #expect(two.errors.contains("2 of 22") && two.errors.contains("data.maximum_bad_percent"), "\(two.errors)")
  }

  @Test("views have the same bits whatever vector instructions the libraries use")
  func vectorInstructions() throws {
    let program = try Program()
    defer { program.remove() }
    // What glibc, libtorch and libjpeg-turbo choose by the processor; our own code is compiled for one kind.
    let without512 = "-AVX512F,-AVX512VL,-AVX512BW,-AVX512DQ,-AVX512CD,-AVX512ER,-AVX512PF,-EVEX"
    var pictures: [Data] = []
    for variables in [
      "PLAIN=1", "GLIBC_TUNABLES=glibc.cpu.hwcaps=\(without512)", "ATEN_CPU_CAPABILITY=default",
      "ATEN_CPU_CAPABILITY=avx2 JSIMD_FORCESSE2=1", "JSIMD_FORCENONE=1",
    ] {
      let outcome = try program.shell(
        "env \(variables) simclr augment --data data --images 20 --size 64 --output views.png")
      #expect(outcome.exitCode == 0, "\(variables): \(outcome.errors)")
      pictures.append(try Data(contentsOf: program.folder.appendingPathComponent("views.png")))
    }
    #expect(Set(pictures).count == 1)
  }

  @Test("data inspect says what each split holds, to people and in one JSON object")
  func inspect() throws {
    let program = try Program()
    defer { program.remove() }
    try Data("no image".utf8).write(to: program.folder.appendingPathComponent("data/test/cat/broken.jpg"))
    let plain = try program.run("data", "inspect", "data")
    #expect(plain.exitCode == 0 && plain.errors.isEmpty)
    for line in [
      "train: 20 images", "  classes   2, 10 images each: cat, dog", "  size      16 × 16 pixels",
      "  stored as 20 JPEG", "  bad       none", "test: 11 images", "  bad       1 image", "augmentation:",
    ] {
      #expect(plain.output.split(separator: "\n").contains(Substring(line)), "\(line)\n\(plain.output)")
    }
    #expect(plain.output.contains("/data/test/cat/broken.jpg: expected an image"))

    let json = try program.run("data", "inspect", "data/train", "--limit", "6", "--threads", "3", "--json")
    #expect(json.exitCode == 0)
    let object = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
    let leftOut = try #require(object["left_out"] as? [String: String])
    #expect(leftOut["test"]?.contains("no test images") == true && leftOut.count == 1)
    let train = try #require((object["splits"] as? [String: [String: Any]])?["train"])
    #expect(train["image_count"] as? Int == 20 && train["inspected_count"] as? Int == 6)
    #expect((train["mean"] as? [Double])?.count == 3 && (train["standard_deviation"] as? [Double])?.count == 3)

    let missing = try program.run("data", "inspect", "data/train", "--split", "test")
    #expect(missing.exitCode == 1 && missing.errors.hasPrefix("error: ") && missing.errors.contains("no test images"))
    let nowhere = try program.run("data", "inspect", "nowhere")
    #expect(nowhere.exitCode == 1 && nowhere.errors.contains("nowhere: no such folder"))
    let none = try program.run("data", "inspect", "data", "--limit", "0")
    #expect(none.exitCode == 2 && none.errors.contains("--limit: expected at least 1 image, got 0"))
  }

  private func waitForSteps(_ steps: Int, in run: URL, of process: Process) throws {
    let deadline = Date().addingTimeInterval(120)
    while Date() < deadline, process.isRunning {
      let text = (try? String(contentsOf: run.appendingPathComponent("metrics.jsonl"), encoding: .utf8)) ?? ""
      // The first line is the schema.
      if text.split(separator: "\n").count > steps { return }
      usleep(2000)
    }
  }

  private func expectSameWeights(_ program: Program, _ first: String, _ second: String) throws {
    let states = try [first, second].map { name in
      try #require(try Checkpoint.latest(in: RunFolder(program.folder.appendingPathComponent(name)))).modelState()
    }
    #expect(areIdentical(states[0], states[1]))
  }

  @Test("keys of what was not chosen are named on standard error, printed and trained with all the same")
  func unusedKeys() throws {
    let program = try Program()
    defer { program.remove() }
    let overrides = ["pretrain", "recipe.yaml", "loss.temperature=0.2", "method.name=byol", "training.maximum_steps=1"]
    let printed = try program.finish(program.start(overrides + ["--print-configuration"]))
    let note = "not used: loss.temperature (counts only with method.name simclr or custom)\n"
    #expect(printed.exitCode == 0 && printed.errors == note)
    #expect(printed.output.contains("temperature: 0.2\n"))
    let trained = try program.finish(program.start(overrides + ["--output", "run"]))
    #expect(trained.exitCode == 0 && trained.errors.components(separatedBy: note).count == 2, "\(trained.errors)")
    let again = try program.run("pretrain", "run/config.yaml", "--output", "run", "--resume")
    #expect(again.exitCode == 0 && again.errors.contains("done after 1 steps"), "\(again.errors)")
  }
}
