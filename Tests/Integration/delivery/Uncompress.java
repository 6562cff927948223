// Reads files of record values as the documented Java consumer does, and writes what they hold beside them.

import java.nio.file.Files;
import java.nio.file.Path;
import org.xerial.snappy.Snappy;

class Uncompress {
  public static void main(String[] paths) throws Exception {
    for (String path : paths) {
      byte[] value = Files.readAllBytes(Path.of(path));
      Files.write(Path.of(path + ".json"), Snappy.uncompress(value));
    }
  }
}
