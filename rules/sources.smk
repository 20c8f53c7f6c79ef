rule find_sources:
    input:
        image=ancient(project.image_path),
        mask="masks/{image}.fits",
        files=ancient(project.files_of("find_sources")),
    output:
        catalog=project.temporary("catalogs/{image}.ecsv"),
    log:
        "logs/find_sources/{image}.log",
    wildcard_constraints:
        image=project.images_of("find_sources"),
    conda:
        "environment.yaml"
    params:
        job=project.job("find_sources"),
        files=project.file_arguments("find_sources"),
    shell:
        "tweakreg-step {params.job:q} image={input.image:q} mask={input.mask:q}"
        " {params.files:q} catalog={output.catalog:q} 2> {log:q}"


rule read_catalogs:
    input:
        image=ancient(project.image_for("read_catalogs")),
        exclusions=ancient(project.file_parameter("exclusions")),
        files=ancient(project.files_of("read_catalogs")),
    output:
        catalog=project.temporary("catalogs/{image}.ecsv"),
    log:
        "logs/read_catalogs/{image}.log",
    wildcard_constraints:
        image=project.images_of("read_catalogs"),
    conda:
        "environment.yaml"
    params:
        job=project.job("read_catalogs"),
        files=project.file_arguments("read_catalogs"),
    shell:
        "tweakreg-step {params.job:q} image={input.image:q} exclusions={input.exclusions:q}"
        " {params.files:q} catalog={output.catalog:q} 2> {log:q}"


rule undistort_sources:
    input:
        image=ancient(project.image_for("undistort_sources")),
        catalog="catalogs/{image}.ecsv",
    output:
        sky=project.temporary("sky/{image}.ecsv"),
    log:
        "logs/undistort_sources/{image}.log",
    wildcard_constraints:
        image=project.images_of("undistort_sources"),
    conda:
        "environment.yaml"
    params:
        job=project.job("undistort_sources"),
    shell:
        "tweakreg-step {params.job:q} image={input.image:q} catalog={input.catalog:q}"
        " sky={output.sky:q} 2> {log:q}"
