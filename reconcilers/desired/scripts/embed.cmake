# Writes OUTPUT, a C++ source with the files NAMES of FOLDER as raw string literals.
set(table "")
foreach(name IN LISTS NAMES)
  file(READ ${FOLDER}/${name} text)
  string(APPEND table "    {\"${name}\", R\"script(${text})script\"},\n")
endforeach()
file(WRITE ${OUTPUT} "#include \"reconcilers/desired/scripts.h\"

#include <map>
#include <stdexcept>
#include <string>

namespace reconcilers::desired {

std::string_view script(std::string_view name) {
  static const std::map<std::string_view, std::string_view> kScripts = {
${table}  };
  const auto found = kScripts.find(name);
  if (found == kScripts.end()) throw std::out_of_range(\"no script \" + std::string(name));
  return found->second;
}

}  // namespace reconcilers::desired
")
