rule make_masks:
    input:
        image=ancient(project.image_path),
        exclusions=ancient(project.file_parameter("exclusions")),
    output:
        mask=project.temporary("masks/{image}.fits"),
    log:
        "logs/make_masks/{image}.log",
    wildcard_constraints:
        image=project.images_of("make_masks"),
    conda:
        "environment.yaml"
    params:
        job=project.job("make_masks"),
    shell:
        "tweakreg-step {params.job:q} image={input.image:q} exclusions={input.exclusions:q}"
        " mask={output.mask:q} 2> {log:q}"
