# cmake -D OUTPUT=assets.cpp -D FILES=a;b -P embed.cmake: text files as raw string literals.
set(code "#include \"web/assets.h\"\n\nnamespace voxanne::web {\nnamespace {\n\nusing namespace std::string_view_literals;\n\nconstexpr Asset all[] = {\n")
foreach(file IN LISTS FILES)
  file(READ ${file} text)
  get_filename_component(name ${file} NAME)
  string(APPEND code "    {\"${name}\"sv, R\"embedded(${text})embedded\"sv},\n")
endforeach()
string(APPEND code "};\n\n}  // namespace\n\nstd::span<const Asset> assets() { return all; }\n\n}  // namespace voxanne::web\n")
file(WRITE ${OUTPUT} "${code}")
