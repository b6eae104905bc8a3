add_subdirectory(engine)
